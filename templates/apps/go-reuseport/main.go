// A Go server that takes a new release by itself, without any library: USR2 makes it start its successor, which listens
// on the same port beside it (SO_REUSEPORT) and then sends QUIT to the process that started it.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop -addr 127.0.0.1:8080", reload: reuseport,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Each release is a process of its own, and supervisor would take the end of the first one for the end of the program:
// `reload: reuseport` puts zdr's keeper between the two. What matters in here:
//
//   - The host needs `sysctl net.ipv4.tcp_migrate_req=1` (Linux 5.14). Without it, connections that wait in the old
//     process's queue as it closes its socket are reset: a few in each reload under load.
//   - The successor is os.Args[0]. Through `current` that is the new release.
//   - A successor that can not be executed, crashes as it starts or never listens costs nothing: this process goes on.
//   - One reload at a time. With two successors, one would be left over.
//   - Any process of the same user that asks for it gets a share of the port's connections, a forgotten one too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// release is set by the linker.
var release = "unknown"

// predecessorKey names, in the environment of a successor, the process that is to drain.
const predecessorKey = "REUSE_PARENT"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR2, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGINT)
	listener, err := listen(*address)
	if err != nil {
		log.Fatalf("cannot listen: %v", err)
	}
	server := &http.Server{
		Handler:           handler(),
		ReadHeaderTimeout: 5 * time.Second, // a client that connects and says nothing would hold up the drain
		IdleTimeout:       2 * time.Minute,
	}
	served := make(chan struct{})
	go func() {
		serve(server, listener)
		close(served)
	}()
	log.Printf("release %s serves on %s", release, *address)
	endPredecessor()

	obey(signals)
	listener.Close()
	<-served // no limit of its own: zdr ends this process when the drain takes too long
	log.Printf("release %s is done", release)
}

// obey starts a successor on each USR2, unless there is one, and returns on any other signal.
func obey(signals <-chan os.Signal) {
	var ended chan error // of the successor
	for {
		select {
		case received := <-signals:
			if received != syscall.SIGUSR2 {
				return
			}
			if ended != nil {
				log.Printf("release %s has a successor already", release)
				continue
			}
			successor, err := startSuccessor()
			if err != nil {
				log.Printf("release %s stays: %v", release, err)
				continue
			}
			ended = make(chan error, 1)
			go func(ended chan<- error) { ended <- successor.Wait() }(ended)
		case err := <-ended:
			log.Printf("release %s stays: its successor has ended: %v", release, err)
			ended = nil
		}
	}
}

func startSuccessor() (*exec.Cmd, error) {
	successor := exec.Command(os.Args[0], os.Args[1:]...)
	successor.Stdin, successor.Stdout, successor.Stderr = os.Stdin, os.Stdout, os.Stderr
	successor.Env = append(os.Environ(), fmt.Sprintf("%s=%d", predecessorKey, os.Getpid()))
	return successor, successor.Start()
}

// endPredecessor asks the process that started this one to drain. One that is gone already is nobody's parent.
func endPredecessor() {
	predecessor, err := strconv.Atoi(os.Getenv(predecessorKey))
	if err != nil || predecessor != os.Getppid() {
		return
	}
	if err := syscall.Kill(predecessor, syscall.SIGQUIT); err != nil {
		log.Printf("end the predecessor: %v", err)
	}
}

// soReusePort is SO_REUSEPORT of Linux (but for MIPS and SPARC), which package syscall does not have everywhere.
const soReusePort = 15

func listen(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) {
			failure = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1)
		})
		if err != nil {
			return err
		}
		return failure
	}}
	return config.Listen(context.Background(), "tcp", address)
}

// serve answers until the listener is closed, and then whoever was let in before. http.Server's Shutdown would not do:
// with newer Go it closes a connection that was accepted, but whose request has not come yet.
func serve(server *http.Server, listener net.Listener) {
	var open sync.WaitGroup
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateHijacked, http.StateClosed:
			open.Done()
		}
	}
	if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
		log.Fatalf("cannot serve: %v", err)
	}
	server.SetKeepAlivesEnabled(false) // closes those that wait between two requests, the others after their answer
	open.Wait()
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
