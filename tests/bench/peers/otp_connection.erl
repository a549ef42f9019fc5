%% A connection of otp_gateway: a gen_server whose state has another shape in each version.
-module(otp_connection).
-behaviour(gen_server).
-export([start_link/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3]).

-ifndef(VERSION).
-define(VERSION, 1).
-endif.

start_link(Socket) -> gen_server:start_link(?MODULE, Socket, []).

-if(?VERSION =:= 1).
state(Echoed) -> Echoed.
count(Echoed) -> Echoed + 1.
-else.
state(Echoed) -> {v2, Echoed, Echoed * 64, erlang:monotonic_time()}.
count({v2, Echoed, Bytes, _}) -> {v2, Echoed + 1, Bytes + 64, erlang:monotonic_time()}.
-endif.

echoed({v2, Echoed, _, _}) -> Echoed;
echoed(Echoed) -> Echoed.

init(Socket) -> {ok, {Socket, state(0)}}.

handle_call(Request, _, State) -> {reply, Request, State}.

handle_cast(own, {Socket, _} = State) ->
    inet:setopts(Socket, [{active, once}]),
    {noreply, State}.

handle_info({tcp, Socket, Frame}, {Socket, State}) ->
    ok = gen_tcp:send(Socket, echo(Frame)),
    inet:setopts(Socket, [{active, once}]),
    {noreply, {Socket, count(State)}};
handle_info({tcp_closed, _}, State) -> {stop, normal, State};
handle_info({tcp_error, _, _}, State) -> {stop, normal, State}.

code_change(_, {Socket, State}, _) -> {ok, {Socket, state(echoed(State))}}.

echo(<<$P, _, Rest/binary>>) -> [<<$P, ?VERSION>> | Rest];
echo(<<$X, _/binary>>) -> error(poison).
