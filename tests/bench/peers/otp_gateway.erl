%% The gateway of bench_gateway on the BEAM: a gen_server for each connection under a dynamic
%% supervisor. erl -noshell -run otp_gateway main PORT V1 V2, two folders that each have a version of
%% otp_connection. SIGUSR1 upgrades as release_handler does, SIGUSR2 downgrades.
-module(otp_gateway).
-behaviour(supervisor).
-export([main/1, init/1]).
-export([handle_event/2, handle_call/2, handle_info/2, terminate/2]).

-define(ACCEPTORS, 16).

main([Port, V1, V2]) ->
    process_flag(trap_exit, true),
    {module, otp_connection} = code:load_abs(filename:join(V1, "otp_connection")),
    Child = #{id => connection, start => {otp_connection, start_link, []}, restart => temporary,
              shutdown => brutal_kill},
    {ok, Sup} = supervisor:start_link(?MODULE, Child),
    {ok, Listener} = gen_tcp:listen(list_to_integer(Port),
                                    [binary, {packet, 4}, {active, false}, {reuseaddr, true},
                                     {backlog, 4096}, {nodelay, true}, {ip, {127, 0, 0, 1}}]),
    [spawn_link(fun() -> accept(Listener, Sup) end) || _ <- lists:seq(1, ?ACCEPTORS)],
    Self = self(),
    ok = gen_event:swap_handler(erl_signal_server, {erl_signal_handler, []}, {?MODULE, Self}),
    [os:set_signal(Signal, handle) || Signal <- [sigusr1, sigusr2]],
    io:format("listening~n"),
    signals(Sup, V1, V2).

signals(Sup, V1, V2) ->
    receive
        sigusr1 -> change(Sup, V2), signals(Sup, V1, V2);
        sigusr2 -> change(Sup, V1), signals(Sup, V1, V2);
        sigterm -> init:stop()
    end.

%% release_handler: suspend all, load, change all, resume all.
change(Sup, Folder) ->
    Pids = [Pid || {_, Pid, _, _} <- supervisor:which_children(Sup), is_pid(Pid)],
    Start = erlang:monotonic_time(microsecond),
    Suspended = [Pid || Pid <- Pids, ok =:= attempt(fun() -> sys:suspend(Pid) end)],
    code:purge(otp_connection),
    {module, otp_connection} = code:load_abs(filename:join(Folder, "otp_connection")),
    Changed = [Pid || Pid <- Suspended,
               ok =:= attempt(fun() -> sys:change_code(Pid, otp_connection, undefined, []) end)],
    [attempt(fun() -> sys:resume(Pid) end) || Pid <- Suspended],
    io:format("changed ~w of ~w in ~w us~n", [length(Changed), length(Pids),
                                              erlang:monotonic_time(microsecond) - Start]).

attempt(Fun) -> try Fun() catch _:_ -> gone end.

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

%% A supervisor and a handler of signals: they share the name of init/1.
init({Pid, _}) -> {ok, Pid};
init(Child) -> {ok, {#{strategy => simple_one_for_one, intensity => 10, period => 1}, [Child]}}.

handle_event(Signal, Pid) -> Pid ! Signal, {ok, Pid}.
handle_call(_, Pid) -> {ok, ok, Pid}.
handle_info(_, Pid) -> {ok, Pid}.
terminate(_, _) -> ok.
