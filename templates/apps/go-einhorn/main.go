// A Go server that runs under einhorn: it takes its listening sockets from EINHORN_FD_0 and on, says when it accepts
// (a manual ack), and drains on USR2. On HUP einhorn executes itself anew, starts new workers through `current`, and sends
// USR2 to the old ones for as many new ones as have said that they accept. A release that crashes or hangs before that
// costs nothing.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "/usr/local/bin/einhorn -m manual -k -n 2 -b 127.0.0.1:8080,r -d {run}/einhorn.sock
//	                      -e {run}/einhorn.pid -f {run}/einhorn.lock -- {current}/bin/shop",
//	          reload: einhorn, health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Started by itself, without EINHORN_FD_COUNT, it listens on -addr.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// release is set by the linker.
var release = "unknown"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on when no socket is inherited")
	flag.Parse()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGINT)
	listeners, err := listen(*address)
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
		serve(server, listeners)
		close(served)
	}()
	for _, listener := range listeners {
		log.Printf("release %s serves on %s", release, listener.Addr())
	}
	if err := acknowledge(); err != nil {
		log.Fatalf("cannot tell einhorn: %v", err)
	}

	<-stop
	// Closes only what this process has of the sockets: others go on listening on them.
	for _, listener := range listeners {
		listener.Close()
	}
	<-served // no limit of its own: einhorn has one (-t), and so has supervisor
	log.Printf("release %s is done", release)
}

// listen returns the sockets that were handed over, or else one of its own.
func listen(address string) ([]net.Listener, error) {
	listeners, err := inherited()
	if err != nil || len(listeners) > 0 {
		return listeners, err
	}
	listener, err := net.Listen("tcp", address)
	return []net.Listener{listener}, err
}

func inherited() ([]net.Listener, error) {
	count := os.Getenv("EINHORN_FD_COUNT")
	if count == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(count, 10, 8)
	if err != nil {
		return nil, fmt.Errorf("EINHORN_FD_COUNT: %w", err)
	}
	listeners := make([]net.Listener, n)
	for i := range listeners {
		name := "EINHORN_FD_" + strconv.Itoa(i)
		fd, err := strconv.ParseUint(os.Getenv(name), 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		file := os.NewFile(uintptr(fd), name)
		listeners[i], err = net.FileListener(file)
		file.Close() // the listener has a copy, which children do not inherit
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return listeners, nil
}

// acknowledge tells einhorn that this worker accepts: one line on its command socket. Nothing is said where
// this process is no worker of an einhorn (its parent is somebody else).
func acknowledge() error {
	path := os.Getenv("EINHORN_SOCK_PATH")
	if path == "" || os.Getenv("EINHORN_MASTER_PID") != strconv.Itoa(os.Getppid()) {
		return nil
	}
	socket, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer socket.Close()
	return json.NewEncoder(socket).Encode(map[string]any{"command": "worker:ack", "pid": os.Getpid()})
}

// serve answers until the listeners are closed, and then whoever was let in before. http.Server's Shutdown would not
// do: with newer Go it closes a connection that was accepted, but whose request has not come yet.
func serve(server *http.Server, listeners []net.Listener) {
	var open sync.WaitGroup
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateHijacked, http.StateClosed:
			open.Done()
		}
	}
	var accepting sync.WaitGroup
	for _, listener := range listeners {
		accepting.Add(1)
		go func(listener net.Listener) {
			defer accepting.Done()
			if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
				log.Fatalf("cannot serve: %v", err)
			}
		}(listener)
	}
	accepting.Wait()
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
