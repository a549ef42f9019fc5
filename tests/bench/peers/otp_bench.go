// The cases of bench_otp that Go has an idiom for: goroutines, channels, recover.
// otp_bench CASE NUMBERS; one line "case=NAME key=value ...".
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const spinFor = 20 * time.Microsecond

func number(index int) int {
	n, err := strconv.Atoi(os.Args[index+2])
	if err != nil {
		panic(err)
	}
	return n
}

func each(name string, count int, took time.Duration) {
	ns := float64(took.Nanoseconds())
	fmt.Printf("case=%s n=%d ns=%.1f rate=%.0f\n", name, count, ns/float64(count),
		float64(count)*1e9/ns)
}

func quantile(values []float64, permille int) float64 {
	sort.Float64s(values)
	rank := (len(values)*permille + 999) / 1000
	if rank < 1 {
		rank = 1
	}
	return values[rank-1]
}

func residentKiB() int {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[0] == "VmRSS:" {
			kib, _ := strconv.Atoi(fields[1])
			return kib
		}
	}
	return 0
}

// A goroutine's whole life; all are waited for.
func spawnTurn(count int) {
	var lived sync.WaitGroup
	lived.Add(count)
	start := time.Now()
	for i := 0; i < count; i++ {
		go lived.Done()
	}
	lived.Wait()
	each("spawn_turn", count, time.Since(start))
}

type request struct {
	number int
	answer chan int
}

// The nearest thing to a gen_server: a goroutine that owns 64 bytes and answers requests.
type server struct {
	requests chan request
	state    [64]byte
}

func (s *server) serve() {
	for r := range s.requests {
		s.state[0]++
		r.answer <- r.number
	}
}

func memory(count int) {
	servers := make([]*server, count)
	runtime.GC()
	before, start := residentKiB(), time.Now()
	for i := range servers {
		servers[i] = &server{requests: make(chan request, 8)}
		go servers[i].serve()
	}
	took := time.Since(start)
	time.Sleep(500 * time.Millisecond)
	runtime.GC()
	after := residentKiB()
	fmt.Printf("case=memory n=%d bytes_each=%d start_ns=%d resident_mib=%d\n", count,
		(after-before)*1024/count, int(took)/count, after/1024)
	runtime.KeepAlive(servers)
}

func call(count int) {
	s := &server{requests: make(chan request, 1)}
	go s.serve()
	start := time.Now()
	for i := 0; i < count; i++ {
		answer := make(chan int, 1)
		s.requests <- request{i, answer}
		<-answer
	}
	each("call", count, time.Since(start))
}

func pingpong(count int) {
	ping, pong := make(chan int, 1), make(chan int, 1)
	go func() {
		for n := range ping {
			pong <- n
		}
	}()
	start := time.Now()
	for i := 0; i < count; i++ {
		ping <- i
		<-pong
	}
	each("pingpong", count, time.Since(start))
}

func fanIn(senders, messages int) {
	box := make(chan int, 1024)
	share := messages / senders
	start := time.Now()
	for i := 0; i < senders; i++ {
		go func() {
			for n := 0; n < share; n++ {
				box <- n
			}
		}()
	}
	for n := 0; n < share*senders; n++ {
		<-box
	}
	each("fan_in", share*senders, time.Since(start))
}

func fanOut(receivers, rounds int) {
	boxes := make([]chan int, receivers)
	var done sync.WaitGroup
	done.Add(receivers)
	for i := range boxes {
		boxes[i] = make(chan int, 64)
		go func(box chan int) {
			for n := 0; n < rounds; n++ {
				<-box
			}
			done.Done()
		}(boxes[i])
	}
	start := time.Now()
	for n := 0; n < rounds; n++ {
		for _, box := range boxes {
			box <- n
		}
	}
	done.Wait()
	each("fan_out", receivers*rounds, time.Since(start))
}

// There is no supervisor: a child that panics is recovered in a deferred function, which tells a
// goroutine that starts another.
type nursery struct {
	stop    []chan struct{}
	down    chan int
	started chan time.Time
}

func (n *nursery) child(id int, again bool) {
	defer func() {
		if recover() != nil {
			n.down <- id
		}
	}()
	if again {
		n.started <- time.Now()
	}
	<-n.stop[id]
	panic("stop")
}

func (n *nursery) supervise() {
	for id := range n.down {
		go n.child(id, true)
	}
}

func restarts(kids, kills, pauseMs int) {
	n := &nursery{make([]chan struct{}, kids), make(chan int, 1024), make(chan time.Time, 1024)}
	begin := time.Now()
	for i := range n.stop {
		n.stop[i] = make(chan struct{}, 1)
		go n.child(i, false)
	}
	took := float64(time.Since(begin).Nanoseconds()) / 1e3
	go n.supervise()
	latency := make([]float64, 0, kills)
	random := uint64(88172645463325252)
	for i := 0; i < kills; i++ {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		time.Sleep(time.Duration(pauseMs) * time.Millisecond)
		before := time.Now()
		n.stop[random%uint64(kids)] <- struct{}{}
		latency = append(latency, float64((<-n.started).Sub(before).Nanoseconds())/1e3)
	}
	fmt.Printf("case=restarts kids=%d kills=%d pause_ms=%d start_us=%.3f p50_us=%.3f "+
		"p99_us=%.3f max_us=%.3f\n", kids, kills, pauseMs, took/float64(kids),
		quantile(latency, 500), quantile(latency, 990), quantile(latency, 1000))
}

func spin() {
	for end := time.Now().Add(spinFor); time.Now().Before(end); {
	}
}

func tick(busy, ticks int) {
	for i := 0; i < busy; i++ {
		go func() {
			work := make(chan struct{}, 1)
			for {
				work <- struct{}{}
				<-work
				spin()
				runtime.Gosched()
			}
		}()
	}
	late := make([]float64, 0, ticks)
	start := time.Now().Add(20 * time.Millisecond)
	giveUp := start.Add(time.Duration(2*ticks) * time.Millisecond)
	for i := 0; i < ticks && time.Now().Before(giveUp); i++ {
		due := start.Add(time.Duration(i) * time.Millisecond)
		if wait := time.Until(due); wait > 0 {
			<-time.After(wait)
		}
		late = append(late, float64(time.Since(due).Nanoseconds())/1e3)
	}
	fmt.Printf("case=tick ticks=%d busy=%d p50_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f\n",
		len(late), busy, quantile(late, 500), quantile(late, 990), quantile(late, 999),
		quantile(late, 1000))
}

func main() {
	cases := map[string]func(){
		"spawn_turn": func() { spawnTurn(number(0)) },
		"memory":     func() { memory(number(0)) },
		"call":       func() { call(number(0)) },
		"pingpong":   func() { pingpong(number(0)) },
		"fan_in":     func() { fanIn(number(0), number(1)) },
		"fan_out":    func() { fanOut(number(0), number(1)) },
		"restarts":   func() { restarts(number(0), number(1), number(2)) },
		"tick":       func() { tick(number(0), number(1)) },
	}
	run, known := cases[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "no such case:", os.Args[1])
		os.Exit(2)
	}
	run()
}
