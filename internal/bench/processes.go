package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// itself is the name of this process among those that a run looks at: client, API, relay, consumer and publisher.
const itself = "this process"

// clockTick is the unit of /proc's times: 1/100 s on every Linux.
const clockTick = 10 * time.Millisecond

// Usage is what some work took: of the clock, and of the CPU by process. CPU is empty where the system does not tell.
type Usage struct {
	Things int // bids, orders, records: whatever was counted
	Wall   time.Duration
	CPU    map[string]time.Duration
}

func (u *Usage) add(v Usage) {
	u.Things, u.Wall = u.Things+v.Things, u.Wall+v.Wall
	for name, t := range v.CPU {
		if u.CPU == nil {
			u.CPU = map[string]time.Duration{}
		}
		u.CPU[name] += t
	}
}

// rate is things a second of the clock.
func (u Usage) rate() float64 { return float64(u.Things) / max(u.Wall, 1).Seconds() }

// Each is the CPU time of one thing in a process, microseconds.
func (u Usage) Each(process string) float64 {
	return float64(u.CPU[process].Nanoseconds()) / 1e3 / float64(max(u.Things, 1))
}

// Cores is how many cores a process kept busy.
func (u Usage) Cores(process string) float64 {
	return u.CPU[process].Seconds() / max(u.Wall, 1).Seconds()
}

// total is the CPU time of one thing in all processes, microseconds.
func (u Usage) total() float64 {
	sum := 0.0
	for name := range u.CPU {
		sum += u.Each(name)
	}
	return sum
}

// Processes names them, this one first.
func (u Usage) Processes() []string {
	names := slices.Sorted(maps.Keys(u.CPU))
	if n := slices.Index(names, itself); n > 0 {
		names = append([]string{itself}, slices.Delete(names, n, n+1)...)
	}
	return names
}

// processes are those that a run looks at: pids by name. Empty on a system that does not tell of them.
type processes map[string]int

// findProcesses finds who listens at the addresses (host:port by name), and this process. Who is on another machine, or
// cannot be looked at, is not among them.
func findProcesses(addresses map[string]string) processes {
	found := processes{}
	if _, err := cpuOf(os.Getpid()); err != nil {
		return found
	}
	found[itself] = os.Getpid()
	listens := listeners()
	for name, address := range addresses {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		if n, _ := strconv.Atoi(port); listens[n] > 0 {
			found[name] = listens[n]
		}
	}
	return found
}

// listeners gives the pid of who listens at each port of this machine, of those that this user may look at.
func listeners() map[int]int {
	ports := map[string]int{} // by the socket's name in /proc/PID/fd
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if text, err := os.ReadFile(path); err == nil {
			maps.Copy(ports, listening(string(text)))
		}
	}
	pids := map[int]int{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	for _, link := range links {
		to, err := os.Readlink(link)
		if port := ports[to]; err == nil && port > 0 {
			pids[port], _ = strconv.Atoi(strings.Split(link, "/")[2])
		}
	}
	return pids
}

// listening reads /proc/net/tcp: the port of each listening socket by its name "socket:[inode]".
func listening(table string) map[string]int {
	const address, state, inode, listen = 1, 3, 9, "0A"
	ports := map[string]int{}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) <= inode || f[state] != listen {
			continue
		}
		_, hex, _ := strings.Cut(f[address], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			ports["socket:["+f[inode]+"]"] = int(port)
		}
	}
	return ports
}

// watch gives a function that says what n things have used since. A process that has ended meanwhile is left out.
func (p processes) watch() func(n int) Usage {
	read := func() map[string]time.Duration {
		all := map[string]time.Duration{}
		for name, pid := range p {
			if t, err := cpuOf(pid); err == nil {
				all[name] = t
			}
		}
		return all
	}
	before, began := read(), time.Now()
	return func(n int) Usage {
		u := Usage{Things: n, Wall: time.Since(began), CPU: read()}
		for name := range u.CPU {
			u.CPU[name] -= before[name]
		}
		return u
	}
}

// cpuOf gives the CPU time that a process has used, user and system.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time: %w", err)
	}
	return timesIn(string(text))
}

// timesIn reads /proc/PID/stat. The second field is a name in parentheses, which may hold anything.
func timesIn(stat string) (time.Duration, error) {
	const user, system = 11, 12 // of the fields behind the name
	end := strings.LastIndexByte(stat, ')')
	f := strings.Fields(stat[end+1:])
	if len(f) <= system {
		return 0, fmt.Errorf("%w: %q", fs.ErrInvalid, stat)
	}
	u, userErr := strconv.ParseInt(f[user], 10, 64)
	s, systemErr := strconv.ParseInt(f[system], 10, 64)
	return time.Duration(u+s) * clockTick, errors.Join(userErr, systemErr)
}
