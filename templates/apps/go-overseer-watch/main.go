// A Go server that notices a new release by itself, with github.com/jpillora/overseer and its File fetcher: a master
// process holds the listening sockets, a slave runs the program, and when the file that the master was started from is
// another one, it starts that in the slave's place. zdr puts the new binary there and sends nothing.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop -addr 127.0.0.1:8080", reload: overseer-watch,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Six things in here are not in overseer's own example, and a deploy that drops no request needs all of them:
//
//   - The fetcher looks at os.Args[0], which is the slot that supervisor starts. With a path in `current` it would write
//     the new binary into the old release.
//   - The server is shut down on state.GracefulShutdown. Otherwise kept-alive connections stay open and are answered by
//     the old release until TerminateTimeout, 30 seconds after the new one took over.
//   - The listener is wrapped before net/http gets it, see handedListener.
//   - Before that shutdown, whoever was let in already is heard, see unheard.
//   - It does not leave at once, see farewell.
//   - TERM is handled here. The master passes it on and leaves; without this, "supervisorctl stop" cuts requests off.
//
// Nothing may be printed before overseer.Run: a new binary is first asked to print a token and nothing else.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jpillora/overseer"
	"github.com/jpillora/overseer/fetcher"
)

// release is set by the linker.
var release = "unknown"

func main() {
	addresses := flag.String("addr", "127.0.0.1:8080", "addresses to listen on, separated by commas")
	flag.Parse()
	overseer.Run(overseer.Config{
		Required:         true,
		Program:          program,
		Addresses:        strings.Split(*addresses, ","),
		TerminateTimeout: 30 * time.Second,
		// A second is the least that it takes. zdr's health.timeout should be longer than whatever stands here.
		Fetcher: &fetcher.File{Path: os.Args[0], Interval: time.Second},
	})
}

func program(state overseer.State) {
	server := &http.Server{Handler: handler()}
	newcomers := watchUnheard(server)
	served := make(chan error, len(state.Listeners))
	for _, listener := range state.Listeners {
		listener := listener
		go func() { served <- server.Serve(handedListener{listener}) }()
	}
	log.Printf("release %s serves on %s", release, strings.Join(state.Addresses, ", "))

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	leave := time.Now()
	select {
	case <-state.GracefulShutdown: // the next release takes over; overseer closes our copies of the listeners
		leave = time.Now().Add(farewell)
	case <-stop: // the master leaves with us: nobody is to wait in a queue that nobody serves
		for _, listener := range state.Listeners {
			closeForAll(listener)
		}
	case err := <-served:
		log.Fatalf("cannot serve: %v", err)
	}

	// Only when Serve is back does the server know every connection that was accepted, and Shutdown waits for them all.
	for range state.Listeners {
		<-served
	}
	server.SetKeepAlivesEnabled(false) // closes those that wait between two requests
	newcomers.wait(hearingLimit)
	// No limit of its own: overseer ends this process after TerminateTimeout, supervisor after stopwaitsecs.
	if err := server.Shutdown(context.Background()); err != nil {
		log.Printf("shutdown: %v", err)
	}
	time.Sleep(time.Until(leave))
	log.Printf("release %s is done", release)
}

// farewell is how long this process stays at least after it was told to give way. overseer's master learns from a signal
// that the sockets are free. Where it sees the end of this process first, it starts two successors, and tells only one of
// them when the next release comes: the other would go on answering, for ever.
const farewell = time.Second

// handedListener keeps net/http from calling overseer's Close. That one closes nothing: it waits until every connection
// is closed, and net/http calls it while it holds the lock under which it would close them. Idle connections would stay
// until TerminateTimeout, and one accepted at that moment would be reset. overseer closes the socket underneath by
// itself, and that ends Serve.
type handedListener struct{ net.Listener }

func (handedListener) Close() error { return nil }

// closeForAll ends the listening socket in every process that holds it, the master too: new connections are refused.
func closeForAll(listener net.Listener) {
	holder, ok := listener.(interface{ File() *os.File })
	if !ok {
		return
	}
	file := holder.File()
	defer file.Close()
	if raw, err := file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
	}
}

// hearingLimit is for clients that connect and then say nothing. net/http gives them as long.
const hearingLimit = 5 * time.Second

// unheard holds the connections that were accepted and have not brought a request to the handler yet. Shutdown answers
// nobody who was not heard by then: net/http closes such a connection as soon as its first request has come.
type unheard struct{ connections sync.Map }

type connectionKey struct{}

func watchUnheard(server *http.Server) *unheard {
	u := &unheard{}
	server.ConnContext = func(ctx context.Context, connection net.Conn) context.Context {
		u.connections.Store(connection, true)
		return context.WithValue(ctx, connectionKey{}, connection)
	}
	server.ConnState = func(connection net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			u.connections.Delete(connection)
		}
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.connections.Delete(r.Context().Value(connectionKey{}))
		next.ServeHTTP(w, r)
	})
	return u
}

// wait returns when all of them have been heard, or after limit.
func (u *unheard) wait(limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		isEmpty := true
		u.connections.Range(func(_, _ interface{}) bool {
			isEmpty = false
			return false
		})
		if isEmpty {
			return
		}
	}
}

// checkHealth says why this process can not do its work. Ask here what yours depends on: a database, a queue.
var checkHealth = func() error { return nil }

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s\n", release)
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, release)
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := checkHealth(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	// A request that takes its time, to watch a deploy wait for it.
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
		if err != nil || ms < 0 || ms > 60_000 {
			http.Error(w, "ms must be a number from 0 to 60000", http.StatusBadRequest)
			return
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		fmt.Fprintln(w, release)
	})
	// A line in the log, to watch that none is lost.
	mux.HandleFunc("/log", func(w http.ResponseWriter, r *http.Request) {
		log.Printf("release %s was told %q", release, r.URL.Query().Get("text"))
		fmt.Fprintln(w, release)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Release", release)
		mux.ServeHTTP(w, r)
	})
}
