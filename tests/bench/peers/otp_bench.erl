%% The cases of bench_otp on the BEAM: erl -noshell +P 20000000 -run otp_bench main CASE NUMBERS
%% The same work, counted the same way, told in the same words: "case=NAME key=value ...".
-module(otp_bench).
-export([main/1]).
-export([spawn_turn/1, memory/1, memory_hibernated/1, call/1, pingpong/1, fan_in/2, fan_out/2,
         timers/1, restarts/3, intensity/1, shutdown/1, cascade/1, tick/2, tick_high/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, start_kid/1]).

-define(BATCH, 1000).
-define(WARM, 10000).
-define(ENDS, 1000).
-define(SPIN_NS, 20000).

main([Case | Numbers]) ->
    try apply(?MODULE, list_to_existing_atom(Case), [list_to_integer(N) || N <- Numbers]) of
        _ -> halt(0)
    catch
        Class:Why:Stack ->
            io:format(standard_error, "~p~n", [{Class, Why, Stack}]),
            halt(1)
    end.

ns() -> erlang:monotonic_time(nanosecond).

say(Format, Values) -> io:format(Format ++ "~n", Values).

quantile(Values, Permille) ->
    Sorted = lists:sort(Values),
    Rank = (length(Sorted) * Permille + 999) div 1000,
    lists:nth(max(1, Rank), Sorted).

us(Ns) -> Ns / 1000.
rate(Count, Ns) -> Count * 1000000000 div Ns.

%% --- spawn and exit: batches, then others may run; the end is when all have run ---

spawn_turn(Count) ->
    Lived = counters:new(1, [write_concurrency]),
    Life = fun() -> counters:add(Lived, 1, 1) end,
    Start = ns(),
    batches(Count, Life),
    until(Lived, Count),
    say("case=spawn_turn n=~p ns=~.1f", [Count, (ns() - Start) / Count]).

batches(0, _) -> ok;
batches(Left, Life) ->
    spawn(Life),
    case Left rem ?BATCH of
        0 -> erlang:yield();
        _ -> ok
    end,
    batches(Left - 1, Life).

until(Counter, Count) ->
    case counters:get(Counter, 1) of
        Count -> ok;
        _ -> erlang:yield(), until(Counter, Count)
    end.

%% --- memory of idle gen_servers with 64 bytes of state under a supervisor ---

memory(Count) -> memory(Count, stay, "memory").
memory_hibernated(Count) -> memory(Count, hibernate, "memory_hibernated").

memory(Count, How, Name) ->
    Child = #{id => idle, start => {gen_server, start_link, [?MODULE, {idle, How}, []]}},
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, simple_one_for_one, 1, 5, [Child]}),
    erlang:garbage_collect(),
    Before = resident_kib(),
    Start = ns(),
    start_children(Sup, Count),
    Took = ns() - Start,
    erlang:garbage_collect(),
    timer:sleep(500),
    After = resident_kib(),
    say("case=~s n=~p bytes_each=~p start_ns=~p resident_mib=~p",
        [Name, Count, (After - Before) * 1024 div Count, Took div Count, After div 1024]).

start_children(_, 0) -> ok;
start_children(Sup, Left) ->
    {ok, _} = supervisor:start_child(Sup, []),
    start_children(Sup, Left - 1).

resident_kib() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kib]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(Kib).

%% --- messages ---

call(Count) ->
    {ok, Server} = gen_server:start(?MODULE, {idle, stay}, []),
    calls(Server, ?WARM),
    Start = ns(),
    calls(Server, Count),
    each("call", Count, ns() - Start).

calls(_, 0) -> ok;
calls(Server, Left) ->
    Left = gen_server:call(Server, Left),
    calls(Server, Left - 1).

each(Name, Count, Took) ->
    say("case=~s n=~p ns=~.1f rate=~p", [Name, Count, Took / Count, rate(Count, Took)]).

pingpong(Count) ->
    Peer = spawn_link(fun pong/0),
    pings(Peer, ?WARM),
    Start = ns(),
    pings(Peer, Count),
    each("pingpong", Count, ns() - Start).

pong() -> receive {From, N} -> From ! N, pong() end.

pings(_, 0) -> ok;
pings(Peer, Left) ->
    Peer ! {self(), Left},
    receive Left -> pings(Peer, Left - 1) end.

fan_in(Senders, Messages) ->
    Each = Messages div Senders,
    Root = self(),
    Receiver = spawn_link(fun() -> receive_all(Each * Senders), Root ! done end),
    Start = ns(),
    [spawn_link(fun() -> send_all(Receiver, Each) end) || _ <- lists:seq(1, Senders)],
    receive done -> ok end,
    each("fan_in", Each * Senders, ns() - Start).

send_all(_, 0) -> ok;
send_all(To, Left) -> To ! {number, Left}, send_all(To, Left - 1).

receive_all(0) -> ok;
receive_all(Left) -> receive {number, _} -> receive_all(Left - 1) end.

fan_out(Receivers, Rounds) ->
    Root = self(),
    Receive = fun() -> receive_all(Rounds), Root ! done end,
    Peers = [spawn_link(Receive) || _ <- lists:seq(1, Receivers)],
    Start = ns(),
    rounds(Peers, Rounds),
    [receive done -> ok end || _ <- Peers],
    each("fan_out", Receivers * Rounds, ns() - Start).

rounds(_, 0) -> ok;
rounds(Peers, Left) -> [Peer ! {number, Left} || Peer <- Peers], rounds(Peers, Left - 1).

%% --- timers: far away, over 5 s ---

timers(Count) ->
    Start = ns(),
    Refs = [erlang:send_after(1000000 + I rem 5000, self(), fire) || I <- lists:seq(1, Count)],
    Started = ns(),
    [erlang:cancel_timer(Ref) || Ref <- Refs],
    Cancelled = ns(),
    say("case=timers n=~p start_rate=~p cancel_rate=~p",
        [Count, rate(Count, Started - Start), rate(Count, Cancelled - Started)]).

%% --- supervisors ---

kid(Id) -> #{id => Id, start => {?MODULE, start_kid, [self()]}}.
start_kid(Root) -> gen_server:start_link(?MODULE, {kid, Root}, []).

open(Kids, Period) ->
    process_flag(trap_exit, true),
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, one_for_one, 1000000000, Period, []}),
    Start = ns(),
    [{ok, _} = supervisor:start_child(Sup, kid(Id)) || Id <- lists:seq(1, Kids)],
    Took = ns() - Start,
    {Sup, [receive {started, Pid, _} -> Pid end || _ <- lists:seq(1, Kids)], Took}.

%% From before the exit signal to when the init of the new child runs.
kill(Pid) ->
    Before = ns(),
    exit(Pid, kill),
    receive {started, New, At} -> {New, At - Before} end.

pause(0) -> ok;
pause(Ms) -> timer:sleep(Ms).

restarts(Kids, Kills, Pause) ->
    {_, Pids, Took} = open(Kids, 1),
    rand:seed(exsss, {1, 2, 3}),
    Kill = fun(_, {Array, Latencies}) ->
                   Victim = rand:uniform(Kids),
                   pause(Pause),
                   {New, Latency} = kill(array:get(Victim - 1, Array)),
                   {array:set(Victim - 1, New, Array), [Latency | Latencies]}
           end,
    {_, Latencies} = lists:foldl(Kill, {array:from_list(Pids), []}, lists:seq(1, Kills)),
    say("case=restarts kids=~p kills=~p pause_ms=~p start_us=~.3f p50_us=~.3f p99_us=~.3f "
        "max_us=~.3f",
        [Kids, Kills, Pause, us(Took / Kids), us(quantile(Latencies, 500)),
         us(quantile(Latencies, 990)), us(lists:max(Latencies))]).

intensity(Restarts) ->
    {_, [Pid | _], _} = open(10, 3600),
    Latencies = again(Pid, Restarts, []),
    Last = lists:sublist(Latencies, ?ENDS),
    First = lists:sublist(lists:reverse(Latencies), ?ENDS),
    say("case=intensity restarts=~p first_p50_us=~.3f last_p50_us=~.3f",
        [Restarts, us(quantile(First, 500)), us(quantile(Last, 500))]).

again(_, 0, Latencies) -> Latencies;
again(Pid, Left, Latencies) ->
    {New, Latency} = kill(Pid),
    again(New, Left - 1, [Latency | Latencies]).

shutdown(Kids) ->
    {Sup, _, _} = open(Kids, 1),
    Ref = monitor(process, Sup),
    Start = ns(),
    exit(Sup, shutdown),
    receive {'DOWN', Ref, process, Sup, _} -> ok end,
    say("case=shutdown kids=~p ms=~.3f", [Kids, (ns() - Start) / 1.0e6]).

cascade(Count) ->
    Root = self(),
    Hub = spawn(fun() ->
                        Leaves = [spawn_link(fun() -> receive never -> ok end end)
                                  || _ <- lists:seq(1, Count)],
                        Root ! {leaves, Leaves},
                        receive die -> exit(boom) end
                end),
    Leaves = receive {leaves, Pids} -> Pids end,
    Refs = [monitor(process, Pid) || Pid <- Leaves],
    Start = ns(),
    Hub ! die,
    [receive {'DOWN', Ref, process, _, boom} -> ok end || Ref <- Refs],
    say("case=cascade n=~p us=~.4f", [Count, us((ns() - Start) / Count)]).

%% --- a tick each millisecond beside processes that always have work ---

tick(Busy, Ticks) -> tick(Busy, Ticks, normal, "tick").
tick_high(Busy, Ticks) -> tick(Busy, Ticks, high, "tick_high").

tick(Busy, Ticks, Priority, Name) ->
    Root = self(),
    Loops = calibrate(1000),
    [spawn_link(fun() -> self() ! work, work(Loops) end) || _ <- lists:seq(1, Busy)],
    Ticker = fun() ->
                     Start = erlang:monotonic_time(millisecond) + 20,
                     Root ! {late, ticks(Start, 0, Ticks, [])}
             end,
    spawn_opt(Ticker, [{priority, Priority}, link]),
    Late = receive {late, List} -> List end,
    say("case=~s ticks=~p busy=~p p50_us=~.1f p99_us=~.1f p999_us=~.1f max_us=~.1f",
        [Name, length(Late), Busy, us(quantile(Late, 500)), us(quantile(Late, 990)),
         us(quantile(Late, 999)), us(lists:max(Late))]).

%% How many turns of the empty loop make 20 us on this machine now.
calibrate(Loops) ->
    Start = ns(),
    spin(Loops),
    case ns() - Start of
        Took when Took >= 10 * ?SPIN_NS -> Loops * ?SPIN_NS div Took;
        _ -> calibrate(Loops * 2)
    end.

spin(0) -> ok;
spin(Left) -> spin(Left - 1).

work(Loops) ->
    receive work -> spin(Loops), self() ! work, work(Loops) end.

%% Given up after twice the planned time, as ours is.
ticks(_, Ticks, Ticks, Late) -> Late;
ticks(Start, I, Ticks, Late) ->
    Due = Start + I,
    erlang:send_after(Due, self(), tick, [{abs, true}]),
    receive tick -> ok end,
    Now = ns(),
    case Now > (Start + 2 * Ticks) * 1000000 of
        true -> [Now - Due * 1000000 | Late];
        false -> ticks(Start, I + 1, Ticks, [Now - Due * 1000000 | Late])
    end.

%% --- callbacks, of supervisors and of gen_servers ---

init({sup, Strategy, Intensity, Period, Children}) ->
    {ok, {#{strategy => Strategy, intensity => Intensity, period => Period}, Children}};
init({idle, hibernate}) -> {ok, binary:copy(<<7>>, 64), hibernate};
init({idle, stay}) -> {ok, binary:copy(<<7>>, 64)};
init({kid, Root}) ->
    Root ! {started, self(), ns()},
    {ok, 0}.

handle_call(Request, _, State) -> {reply, Request, State}.
handle_cast(_, State) -> {noreply, State}.
handle_info(_, State) -> {noreply, State}.
