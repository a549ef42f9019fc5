%% The gateway of bench_gateway on the BEAM: a gen_server for each connection under a dynamic
%% supervisor. erl -noshell -run otp_gateway main PORT
-module(otp_gateway).
-export([main/1, start_connection/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(VERSION, 1).
-define(ACCEPTORS, 16).

main([Port]) ->
    process_flag(trap_exit, true),
    Child = #{id => connection, start => {?MODULE, start_connection, []}, restart => temporary,
              shutdown => brutal_kill},
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, Child}),
    {ok, Listener} = gen_tcp:listen(list_to_integer(Port),
                                    [binary, {packet, 4}, {active, false}, {reuseaddr, true},
                                     {backlog, 4096}, {nodelay, true}, {ip, {127, 0, 0, 1}}]),
    [spawn_link(fun() -> accept(Listener, Sup) end) || _ <- lists:seq(1, ?ACCEPTORS)],
    io:format("listening~n"),
    receive stop -> ok end.

accept(Listener, Sup) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            {ok, Pid} = supervisor:start_child(Sup, [Socket]),
            _ = gen_tcp:controlling_process(Socket, Pid),
            gen_server:cast(Pid, own),
            accept(Listener, Sup);
        {error, _} ->
            timer:sleep(10),
            accept(Listener, Sup)
    end.

start_connection(Socket) -> gen_server:start_link(?MODULE, {connection, Socket}, []).

init({sup, Child}) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 10, period => 1}, [Child]}};
init({connection, Socket}) -> {ok, {Socket, 0}}.

handle_call(Request, _, State) -> {reply, Request, State}.

handle_cast(own, {Socket, _} = State) ->
    inet:setopts(Socket, [{active, once}]),
    {noreply, State}.

handle_info({tcp, Socket, Frame}, {Socket, Echoed}) ->
    ok = gen_tcp:send(Socket, echo(Frame)),
    inet:setopts(Socket, [{active, once}]),
    {noreply, {Socket, Echoed + 1}};
handle_info({tcp_closed, _}, State) -> {stop, normal, State};
handle_info({tcp_error, _, _}, State) -> {stop, normal, State}.

echo(<<$P, _, Rest/binary>>) -> [<<$P, ?VERSION>> | Rest];
echo(<<$X, _/binary>>) -> error(poison).
