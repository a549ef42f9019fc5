%% The scenes of conformance.c on a real OTP: erl -noshell -run otp_vectors main
%% prints "name<TAB>what was said", in the same words (stage.h tells which).
-module(otp_vectors).
-export([main/0, main/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2,
         code_change/3]).
-export([start_kid/2, kid_init/3]).

-define(SETTLE_MS, 40).

main() -> main([]).

main(Names) ->
    logger:set_primary_config(level, none),
    [perform(Name, Play) || {Name, Play} <- scenes(),
                            Names =:= [] orelse lists:member(Name, Names)],
    halt(0).

perform(Name, Play) ->
    Before = processes(),
    Collector = spawn(fun() -> collect([]) end),
    register(collector, Collector),
    Judge = fun() -> process_flag(trap_exit, true), Play(), settle(), exit({said, said()}) end,
    {Pid, Ref} = spawn_monitor(Judge),
    receive
        {'DOWN', Ref, process, Pid, {said, Said}} -> io:format("~s\t~s~n", [Name, Said]);
        {'DOWN', Ref, process, Pid, Why} -> io:format("~s\tfailed: ~0p~n", [Name, Why])
    end,
    [exit(Left, kill) || Left <- processes() -- Before],
    timer:sleep(5).

%% --- words ---

collect(Said) ->
    receive
        {say, From, Text} -> From ! said, collect([Text | Said]);
        hush -> collect([]);
        {said, From} -> From ! {said, lists:reverse(Said)}, collect(Said)
    end.

say(Text) -> collector ! {say, self(), Text}, receive said -> ok end.
say(Format, Values) -> say(lists:flatten(io_lib:format(Format, Values))).

hush() -> settle(), collector ! hush.

said() ->
    collector ! {said, self()},
    receive {said, []} -> "nothing"; {said, List} -> lists:join(", ", List) end.

why({noproc, [_ | _]}) -> "noproc";
why({shutdown, _}) -> "shutdown(x)";
why({start_spec, _}) -> "bad spec";
why({bad_return_value, _}) -> "bad return";
why({_, [{_, _, _, _} | _]}) -> "crash";
why(Why) -> io_lib:format("~0p", [Why]).

%% --- actors, watched by whoever wants to ---

%% Time for everything that was set off to happen. The judge says what comes to it.
settle() -> settle(?SETTLE_MS).
settle(Ms) ->
    receive
        {'EXIT', _, Why} -> say("exit ~s", [why(Why)]), settle(Ms)
    after Ms -> ok
    end.

actor(Options) ->
    Judge = self(),
    Pid = spawn(fun() -> actor_begins(Judge, Options) end),
    receive {ready, Pid} -> Pid end.

actor_of(Parent, Options) ->
    Judge = self(),
    Begin = fun() -> actor_begins(Judge, Options) end,
    Parent ! {order, fun() ->
                             case lists:member(linked, Options) of
                                 true -> spawn_link(Begin);
                                 false -> spawn(Begin)
                             end
                     end},
    receive {ready, Pid} -> Pid end.

actor_begins(Judge, Options) ->
    process_flag(trap_exit, lists:member(trap, Options)),
    Judge ! {ready, self()},
    act(lists:member(silent, Options)).

act(Silent) ->
    receive
        {order, Order} -> Order();
        Message when Silent -> Message;
        Message -> tell(Message)
    end,
    act(Silent).

tell({'EXIT', _, Why}) -> say("exit ~s", [why(Why)]);
tell({'DOWN', _, process, _, Why}) -> say("down ~s", [why(Why)]);
tell({timeout, _, Text}) -> say("timer ~s", [Text]);
tell(Text) when is_list(Text) -> say(Text);
tell(Other) -> say("~0p", [Other]).

in(Pid, Order) -> Pid ! {order, Order}, settle().

watch(Pid) ->
    Judge = self(),
    spawn(fun() ->
                  Ref = monitor(process, Pid),
                  Judge ! watching,
                  receive {'DOWN', Ref, process, Pid, Why} -> say("died ~s", [why(Why)]) end
          end),
    receive watching -> ok end.

send_exit(Pid, Why) -> in(actor([silent]), fun() -> exit(Pid, Why) end).

%% The judge is the parent.
parent_exit(Pid, Why) -> exit(Pid, Why), settle().

tell_alive(Pid) ->
    settle(),
    [say("alive") || is_process_alive(Pid)].

dead() ->
    Pid = spawn(fun() -> ok end),
    timer:sleep(10),
    Pid.

refused_or(Fun) -> try Fun() catch error:_ -> say("refused") end.

%% --- the scenes ---

scenes() -> signals() ++ messages() ++ servers() ++ sys() ++ supervisors().

play_exit(Options, Why) ->
    One = actor(Options),
    watch(One),
    send_exit(One, Why),
    tell_alive(One).

play_exit_self(Options, Order) ->
    One = actor(Options),
    watch(One),
    in(One, Order),
    tell_alive(One).

play_peer(Options, End) ->
    One = actor(Options),
    Two = actor_of(One, [linked]),
    watch(One),
    in(Two, End),
    tell_alive(One).

exit_self(Why) -> fun() -> exit(self(), Why) end.

signals() ->
    [{"exit.normal.notrap", fun() -> play_exit([], normal) end},
     {"exit.normal.trap", fun() -> play_exit([trap], normal) end},
     {"exit.shutdown.notrap", fun() -> play_exit([], shutdown) end},
     {"exit.shutdown.trap", fun() -> play_exit([trap], shutdown) end},
     {"exit.kill.notrap", fun() -> play_exit([], kill) end},
     {"exit.kill.trap", fun() -> play_exit([trap], kill) end},
     {"exit.custom.notrap", fun() -> play_exit([], boom) end},
     {"exit.custom.trap", fun() -> play_exit([trap], boom) end},
     {"exit.self.normal", fun() -> play_exit_self([], exit_self(normal)) end},
     {"exit.self.normal.trap", fun() -> play_exit_self([trap], exit_self(normal)) end},
     {"exit.self.kill.trap", fun() -> play_exit_self([trap], exit_self(kill)) end},
     {"exit.1.kill", fun() -> play_exit_self([], fun() -> exit(kill) end) end},
     {"link.peer.normal.notrap", fun() -> play_peer([], fun() -> exit(normal) end) end},
     {"link.peer.normal.trap", fun() -> play_peer([trap], fun() -> exit(normal) end) end},
     {"link.peer.boom.notrap", fun() -> play_peer([], fun() -> exit(boom) end) end},
     {"link.peer.boom.trap", fun() -> play_peer([trap], fun() -> exit(boom) end) end},
     {"link.peer.exit1_kill.notrap", fun() -> play_peer([], fun() -> exit(kill) end) end},
     {"link.peer.exit1_kill.trap", fun() -> play_peer([trap], fun() -> exit(kill) end) end},
     {"link.peer.killed.notrap", fun() -> play_peer([], exit_self(kill)) end},
     {"link.peer.killed.trap", fun() -> play_peer([trap], exit_self(kill)) end},
     {"link.peer.error", fun() -> play_peer([trap], fun() -> error(bad) end) end},
     {"link.peer.throw", fun() -> play_peer([trap], fun() -> throw(bad) end) end},
     {"link.dead.notrap", fun() -> play_link_dead([]) end},
     {"link.dead.trap", fun() -> play_link_dead([trap]) end},
     {"link.self",
      fun() ->
              One = actor([]),
              watch(One),
              in(One, fun() -> link(self()) end),
              tell_alive(One)
      end},
     {"link.twice.one_exit_msg",
      fun() ->
              {One, Two} = {actor([trap]), actor([])},
              in(One, fun() -> link(Two), link(Two) end),
              send_exit(Two, boom)
      end},
     {"unlink.then_exit",
      fun() ->
              {One, Two} = {actor([trap]), actor([])},
              in(One, fun() -> link(Two) end),
              in(One, fun() -> unlink(Two) end),
              send_exit(Two, boom)
      end},
     {"unlink.not_linked",
      fun() ->
              {One, Two} = {actor([]), dead()},
              watch(One),
              in(One, fun() -> unlink(Two) end),
              tell_alive(One)
      end},
     {"monitor.dead",
      fun() -> Two = dead(), in(actor([]), fun() -> monitor(process, Two) end) end},
     {"monitor.twice_two_downs",
      fun() ->
              {One, Two} = {actor([]), actor([])},
              in(One, fun() -> monitor(process, Two), monitor(process, Two) end),
              in(Two, fun() -> exit(boom) end)
      end},
     {"monitor.name_unregistered",
      fun() -> in(actor([]), fun() -> monitor(process, nosuchname) end) end},
     {"monitor.normal_exit",
      fun() ->
              {One, Two} = {actor([]), actor([])},
              in(One, fun() -> monitor(process, Two) end),
              in(Two, fun() -> exit(normal) end)
      end},
     {"demonitor.plain_after_down",
      fun() ->
              Two = dead(),
              in(actor([]), fun() -> demonitor(monitor(process, Two)) end)
      end},
     {"demonitor.flush_after_down",
      fun() ->
              Two = dead(),
              in(actor([]), fun() -> demonitor(monitor(process, Two), [flush]) end)
      end},
     {"demonitor.info_pending",
      fun() ->
              {One, Two} = {actor([]), actor([])},
              in(One, fun() ->
                              Ref = monitor(process, Two),
                              [say(found(demonitor(Ref, [info]))) || _ <- [1, 2]]
                      end)
      end},
     {"alias.reply_after_demonitor_dropped",
      fun() ->
              {One, Two} = {actor([]), actor([])},
              in(One, fun() ->
                              Alias = monitor(process, Two, [{alias, reply_demonitor}]),
                              Two ! {order, fun() -> timer:sleep(20), Alias ! "late", say("sent")
                                            end},
                              demonitor(Alias, [flush])
                      end),
              settle()
      end},
     {"order.msg_before_exit_signal",
      fun() ->
              One = actor([trap]),
              Two = actor_of(One, [linked]),
              in(Two, fun() -> One ! "last words", exit(boom) end)
      end}].

play_link_dead(Options) ->
    {One, Two} = {actor(Options), dead()},
    watch(One),
    in(One, fun() -> link(Two) end),
    tell_alive(One).

found(true) -> "found";
found(false) -> "not found".

messages() ->
    [{"send.dead_pid",
      fun() ->
              {One, Two} = {actor([]), dead()},
              in(One, fun() -> Two ! "x", say("ok") end),
              [say("sender died") || not is_process_alive(One)]
      end},
     {"send.unregistered_name",
      fun() -> in(actor([]), fun() -> refused_or(fun() -> nosuchname ! "x" end) end) end},
     {"gs.cast_dead",
      fun() -> in(actor([]), fun() -> say("~p", [gen_server:cast(nosuchname, x)]) end) end},
     {"register.twice", fun() -> play_register(name) end},
     {"register.other_name_same_pid", fun() -> play_register(another) end},
     {"register.auto_unregister",
      fun() ->
              Two = actor([]),
              register_name(name, Two),
              send_exit(Two, kill),
              say(case whereis(name) of undefined -> "nobody"; _ -> "somebody" end)
      end},
     {"register.dead", fun() -> register_name(name, dead()) end},
     {"order.pairwise_fifo",
      fun() ->
              One = spawn(fun() -> counts(0) end),
              in(actor([]), fun() -> [One ! N || N <- lists:seq(0, 999)] end)
      end},
     {"receive.selective",
      fun() ->
              {One, Two} = {actor([]), actor([])},
              in(One, fun() ->
                              Two ! {order, fun() -> [One ! Text || Text <- ["a", "b", "c"]] end},
                              receive "c" -> say("c") end
                      end)
      end},
     {"receive.after0",
      fun() -> in(actor([]), fun() -> receive "x" -> say("x") after 0 -> say("empty") end end)
      end},
     {"timer.cancel_pending",
      fun() ->
              in(actor([]), fun() -> say_left(erlang:start_timer(1000, self(), "x")) end)
      end},
     {"timer.cancel_fired",
      fun() ->
              in(actor([]), fun() ->
                                    Ref = erlang:start_timer(1, self(), "pay"),
                                    timer:sleep(20),
                                    say_left(Ref)
                            end)
      end},
     {"timer.start_timer_msg",
      fun() -> in(actor([]), fun() -> erlang:start_timer(1, self(), "pay") end) end},
     {"timer.to_dead_pid_auto_cancel",
      fun() ->
              Ref = erlang:start_timer(500, dead(), x),
              timer:sleep(30),
              say(case erlang:read_timer(Ref) of false -> "gone"; _ -> "there" end)
      end}].

register_name(Name, Pid) -> refused_or(fun() -> register(Name, Pid), say("registered") end).

play_register(Second) ->
    Two = actor([]),
    register_name(name, Two),
    register_name(Second, Two).

counts(1000) -> say("in order");
counts(N) -> receive N -> counts(N + 1) after 1000 -> say("out of order") end.

say_left(Ref) ->
    say(case erlang:cancel_timer(Ref) of
            false -> "not found";
            Left when Left > 900 -> "over 900 ms left";
            _ -> "less left"
        end).

%% --- gen_server ---

server() ->
    {ok, Pid} = gen_server:start(?MODULE, server, []),
    Pid.

%% What the caller learns.
ask(Server, What, Timeout) ->
    say("reply ~s", [try gen_server:call(Server, What, Timeout)
                     catch exit:{Why, {gen_server, call, _}} -> why(Why)
                     end]).

play_call(What, Timeout) ->
    Server = server(),
    in(actor([]), fun() -> ask(Server, What, Timeout) end),
    settle(300).

play_start(How, Options) ->
    in(actor([trap]), fun() -> start(How, Options) end),
    settle(400).

start(How, Options) ->
    say(case gen_server:start_link(?MODULE, {start, How}, Options) of
            {ok, _} -> "started";
            ignore -> "ignore";
            {error, Why} -> lists:flatten(io_lib:format("error ~s", [why(Why)]))
        end).

play_parent_exit(Trap) ->
    Judge = self(),
    One = actor([silent]),
    in(One, fun() ->
                    {ok, Pid} = gen_server:start_link(?MODULE, {child, Trap}, []),
                    Judge ! {child, Pid}
            end),
    receive {child, Child} -> watch(Child) end,
    send_exit(One, shutdown).

servers() ->
    [{"gs.call_timeout", fun() -> play_call(sleep, 50) end},
     {"gs.call_noproc",
      fun() -> Two = dead(), in(actor([]), fun() -> ask(Two, ping, 5000) end) end},
     {"gs.call_server_crash", fun() -> play_call(crash, 5000) end},
     {"gs.call_server_stop_noreply", fun() -> play_call(stop_noreply, 5000) end},
     {"gs.call_stop_with_reply",
      fun() ->
              Server = server(),
              in(actor([]), fun() -> monitor(process, Server), ask(Server, stop_reply, 5000) end)
      end},
     {"gs.call_self", fun() -> play_call(call_self, 5000) end},
     {"gs.init_stop", fun() -> play_start(stop, []) end},
     {"gs.init_ignore", fun() -> play_start(ignore, []) end},
     {"gs.init_crash", fun() -> play_start(crash, []) end},
     {"gs.init_timeout", fun() -> play_start(slow, [{timeout, 50}]) end},
     {"gs.already_started",
      fun() ->
              Start = fun() ->
                              case gen_server:start({local, g1}, ?MODULE, {start, ok}, []) of
                                  {ok, _} -> say("started");
                                  {error, {already_started, _}} -> say("already started")
                              end
                      end,
              in(actor([trap]), fun() -> Start(), Start() end)
      end},
     {"gs.parent_exit_runs_terminate", fun() -> play_parent_exit(true) end},
     {"gs.notrap_parent_exit_no_terminate", fun() -> play_parent_exit(false) end},
     {"gs.continue_before_next_msg", fun() -> play_start(continue, []) end},
     {"gs.timeout_return", fun() -> play_start(timeout, []) end},
     {"gs.bad_return", fun() -> play_call(bad_return, 50) end},
     {"gs.stop_api",
      fun() ->
              Server = server(),
              in(actor([]), fun() ->
                                    say("~p", [gen_server:stop(Server)]),
                                    [say("gone") || not is_process_alive(Server)]
                            end)
      end},
     {"gs.late_reply_dropped_after_timeout", fun() -> play_call(sleep, 20) end}].

%% --- sys ---

sys() ->
    [{"sys.suspend_queues",
      fun() ->
              Server = server(),
              in(actor([]), fun() ->
                                    sys:suspend(Server),
                                    ask(Server, ping, 50),
                                    sys:resume(Server),
                                    ask(Server, ping, 50)
                            end)
      end},
     {"sys.get_replace_state",
      fun() ->
              Server = server(),
              in(actor([]), fun() ->
                                    say("~p", [sys:get_state(Server)]),
                                    sys:replace_state(Server, fun(old) -> new end),
                                    say("~p", [sys:get_state(Server)])
                            end)
      end},
     {"sys.change_code",
      fun() ->
              Server = server(),
              in(actor([]), fun() ->
                                    sys:suspend(Server),
                                    say("~p", [sys:change_code(Server, ?MODULE, "1", extra)]),
                                    sys:resume(Server),
                                    say("~p", [sys:get_state(Server)])
                            end)
      end},
     {"sys.change_code_not_suspended",
      fun() ->
              Server = server(),
              in(actor([]), fun() ->
                                    case catch sys:change_code(Server, ?MODULE, "1", extra, 200) of
                                        ok -> say("changed");
                                        _ -> say("refused")
                                    end
                            end),
              settle(300)
      end}].

%% --- supervisors ---

kid(Id) -> kid(Id, []).
kid(Id, Options) -> #{id => Id, start => {?MODULE, start_kid, [Id, Options]}}.

start_kid(Id, Options) ->
    Starts = counters_of_starts(),
    counters:add(Starts, 1, 1),
    Fails = lists:member(fails_later, Options) andalso counters:get(Starts, 1) > 1,
    case {lists:member(ignores, Options), lists:member(fails, Options) orelse Fails} of
        {true, _} -> ignore;
        {_, true} -> {error, cannot};
        _ -> proc_lib:start_link(?MODULE, kid_init, [self(), Id, Options])
    end.

counters_of_starts() -> persistent_term:get(starts).

kid_init(Parent, Id, Options) ->
    process_flag(trap_exit, true),
    case Id of
        _ when is_atom(Id) -> register(Id, self());
        _ -> ok
    end,
    say("started ~s", [Id]),
    proc_lib:init_ack({ok, self()}),
    kid_loop(Parent, Id, lists:member(stubborn, Options)).

kid_loop(Parent, Id, Stubborn) ->
    receive
        {order, Order} -> Order();
        {'EXIT', Parent, shutdown} when not Stubborn ->
            say("terminating ~s shutdown", [Id]),
            exit(shutdown);
        _ -> ok
    end,
    kid_loop(Parent, Id, Stubborn).

open(Flags, Kids) ->
    persistent_term:put(starts, counters:new(1, [])),
    Started = supervisor:start_link(?MODULE, {sup, Flags, Kids}),
    say_failure(Started),
    settle(),
    case Started of
        {ok, Sup} -> Sup;
        _ -> none
    end.

say_failure({ok, _}) -> ok;
say_failure({error, {start_spec, _}}) -> say("refused");
say_failure({error, {shutdown, {failed_to_start_child, _, _}}}) -> say("failed to start").

stop_kid(Pid, kill) -> send_exit(Pid, kill);
stop_kid(Pid, Why) -> in(Pid, fun() -> exit(Why) end).

which(Sup) ->
    case supervisor:which_children(Sup) of
        [] -> say("none");
        Kids -> [say("~p ~s", [Id, running(Pid)]) || {Id, Pid, _, _} <- Kids]
    end.

running(Pid) when is_pid(Pid) -> "running";
running(undefined) -> "not running".

counts_of(Sup) ->
    Counts = supervisor:count_children(Sup),
    Of = fun(Key) -> proplists:get_value(Key, Counts) end,
    say("specs ~p active ~p supervisors ~p workers ~p",
        [Of(specs), Of(active), Of(supervisors), Of(workers)]).

say_asked({ok, _}) -> say("ok");
say_asked({error, {already_started, _}}) -> say("already started");
say_asked({error, simple_one_for_one}) -> say("refused");
say_asked({error, not_found}) -> say("not found");
say_asked({error, running}) -> say("running");
say_asked(ok) -> say("ok").

play_restart(Restart, Why) ->
    Sup = open(#{intensity => 10, period => 10}, [(kid(a))#{restart => Restart}]),
    Before = whereis(a),
    stop_kid(Before, Why),
    hush(),
    say(case supervisor:which_children(Sup) of
            [] -> "spec removed";
            [{a, undefined, _, _}] -> "spec kept, not running";
            [{a, Before, _, _}] -> "not ended";
            [{a, _, _, _}] -> "restarted"
        end).

play_order(Strategy, Victim) ->
    open(#{strategy => Strategy, intensity => 10, period => 10}, [kid(a), kid(b), kid(c)]),
    hush(),
    stop_kid(whereis(Victim), kill).

play_intensity(Intensity, Period, Gap) ->
    Sup = open(#{intensity => Intensity, period => Period}, [kid(a)]),
    kills(Sup, Gap, 1).

kills(_, _, 7) -> hush(), say("six restarts survived");
kills(Sup, Gap, N) ->
    hush(),
    stop_kid(whereis(a), boom),
    settle(max(Gap, 60)),
    case is_process_alive(Sup) of
        true -> kills(Sup, Gap, N + 1);
        false -> say("at kill ~p", [N])
    end.

play_stop_child(Options, Shutdown) ->
    Sup = open(#{}, [(kid(a, Options))#{shutdown => Shutdown}]),
    watch(whereis(a)),
    hush(),
    Start = erlang:monotonic_time(millisecond),
    Answer = supervisor:terminate_child(Sup, a),
    Took = erlang:monotonic_time(millisecond) - Start,
    settle(),
    say("~p ~s", [Answer, if Took < 80 -> "at once";
                             Took >= 100, Took < 300 -> "after 100 ms";
                             true -> "late"
                          end]).

significant(Id, Restart) -> (kid(Id))#{significant => true, restart => Restart}.

play_auto(Auto, Ending) ->
    Sup = open(#{auto_shutdown => Auto},
               [significant(a, transient), significant(b, temporary), kid(c)]),
    hush(),
    [stop_kid(whereis(Id), normal) || Id <- Ending],
    [which(Sup) || is_process_alive(Sup)].

restarts_of() ->
    [{lists:flatten(io_lib:format("sup.restart.~p.~0p", [Restart, Why])),
      fun() -> play_restart(Restart, Why) end}
     || Restart <- [permanent, transient, temporary],
        Why <- [normal, shutdown, {shutdown, x}, boom, kill]].

orders_of() ->
    [{lists:flatten(io_lib:format("sup.order.~p.kill_~p", [Strategy, Id])),
      fun() -> play_order(Strategy, Id) end}
     || Strategy <- [one_for_one, one_for_all, rest_for_one], Id <- [a, b, c]].

supervisors() ->
    restarts_of() ++ orders_of() ++
    [{"sup.shutdown_order",
      fun() ->
              Sup = open(#{}, [kid(a), kid(b), kid(c)]),
              hush(),
              parent_exit(Sup, shutdown)
      end},
     {"sup.intensity.default_1_in_5", fun() -> play_intensity(1, 5, 0) end},
     {"sup.intensity.0", fun() -> play_intensity(0, 5, 0) end},
     {"sup.intensity.1_in_1_kills_2100ms_apart", fun() -> play_intensity(1, 1, 2100) end},
     {"sup.start_fail_terminates_started",
      fun() -> open(#{}, [kid(a), kid(b), kid(c, [fails])]) end},
     {"sup.child_ignore", fun() -> which(open(#{}, [kid(a, [ignores])])) end},
     {"sup.dup_id", fun() -> open(#{}, [kid(a), kid(a)]) end},
     {"sup.brutal_kill", fun() -> play_stop_child([], brutal_kill) end},
     {"sup.shutdown_timeout_kills", fun() -> play_stop_child([stubborn], 100) end},
     {"sup.shutdown_graceful", fun() -> play_stop_child([], 1000) end},
     {"sup.auto_shutdown.any", fun() -> play_auto(any_significant, [a]) end},
     {"sup.auto_shutdown.all_one_left", fun() -> play_auto(all_significant, [a]) end},
     {"sup.auto_shutdown.all", fun() -> play_auto(all_significant, [a, b]) end},
     {"sup.auto_shutdown.never_significant_rejected",
      fun() -> open(#{}, [significant(a, transient)]) end},
     {"sup.significant_permanent_rejected",
      fun() -> open(#{auto_shutdown => any_significant}, [significant(a, permanent)]) end},
     {"sup.terminate_restart_delete",
      fun() ->
              Sup = open(#{}, [kid(a)]),
              hush(),
              say_asked(supervisor:delete_child(Sup, a)),
              say_asked(supervisor:terminate_child(Sup, a)),
              which(Sup),
              say_asked(supervisor:restart_child(Sup, a)),
              say_asked(supervisor:restart_child(Sup, a)),
              say_asked(supervisor:terminate_child(Sup, a)),
              say_asked(supervisor:delete_child(Sup, a)),
              say_asked(supervisor:terminate_child(Sup, a))
      end},
     {"sup.terminate_temporary_deletes",
      fun() ->
              Sup = open(#{}, [(kid(a))#{restart => temporary}]),
              hush(),
              say_asked(supervisor:terminate_child(Sup, a)),
              which(Sup),
              say_asked(supervisor:restart_child(Sup, a))
      end},
     {"sup.start_child_dup",
      fun() ->
              Sup = open(#{}, [kid(a)]),
              hush(),
              say_asked(supervisor:start_child(Sup, kid(a)))
      end},
     {"sup.simple.terminate_by_id",
      fun() ->
              Sup = open(#{strategy => simple_one_for_one}, [kid(a)]),
              say_asked(supervisor:start_child(Sup, [])),
              hush(),
              say_asked(supervisor:terminate_child(Sup, a)),
              say_asked(supervisor:restart_child(Sup, a)),
              say_asked(supervisor:delete_child(Sup, a)),
              [say("- ~s", [running(Pid)])
               || {undefined, Pid, _, _} <- supervisor:which_children(Sup)],
              counts_of(Sup)
      end},
     {"sup.restart_failure_retries_until_intensity",
      fun() ->
              open(#{intensity => 3, period => 10}, [kid(a, [fails_later])]),
              hush(),
              stop_kid(whereis(a), kill),
              settle(),
              say("~p starts", [counters:get(counters_of_starts(), 1)])
      end},
     {"sup.exit_reason_on_max_intensity", fun() -> play_intensity(0, 1, 0) end},
     {"sup.junk_info_ignored",
      fun() ->
              Sup = open(#{}, []),
              Sup ! junk,
              counts_of(Sup)
      end},
     {"sup.junk_cast_kills_it",
      fun() ->
              Sup = open(#{}, []),
              gen_server:cast(Sup, junk),
              settle(),
              [say("alive") || is_process_alive(Sup)]
      end}].

%% --- callbacks of supervisors and gen_servers ---

init({sup, Flags, Kids}) -> {ok, {Flags, Kids}};
init(server) -> {ok, old};
init({child, Trap}) -> process_flag(trap_exit, Trap), {ok, child};
init({start, stop}) -> {stop, boom};
init({start, ignore}) -> ignore;
init({start, crash}) -> error(bad);
init({start, slow}) -> timer:sleep(300), {ok, slow};
init({start, continue}) -> self() ! "message", {ok, start, {continue, now}};
init({start, timeout}) -> {ok, start, 20};
init({start, ok}) -> {ok, start}.

handle_continue(now, State) -> later("continue"), {noreply, State}.

%% After start_link has returned, as it would be heard.
later(Text) -> timer:sleep(10), say(Text).

handle_call(ping, _, State) -> {reply, pong, State};
handle_call(sleep, _, State) -> timer:sleep(100), {reply, slept, State};
handle_call(crash, _, _) -> error(bad);
handle_call(stop_noreply, _, State) -> {stop, why_stop, State};
handle_call(stop_reply, _, State) -> {stop, normal, bye, State};
handle_call(call_self, _, State) ->
    try gen_server:call(self(), ping) catch exit:{calling_self, _} -> say("refused") end,
    {noreply, State};
handle_call(bad_return, _, _) -> nonsense.

handle_cast(_, State) -> {noreply, State}.

handle_info(timeout, State) -> say("timeout"), {noreply, State};
handle_info(Text, State) -> say(Text), {noreply, State}.

terminate(Why, child) -> say("terminate ~p", [Why]);
terminate(_, _) -> ok.

code_change("1", old, extra) -> {ok, changed}.
