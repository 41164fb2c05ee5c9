// A Go server that takes a new release by itself, with github.com/tabalt/gracehttp: USR2 makes it start its successor,
// which inherits the listening socket, and then drain at once, without asking whether the successor serves.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop -addr 127.0.0.1:8080", reload: gracehttp,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Each release is a process of its own, and supervisor would take the end of the first one for the end of the program:
// `reload: gracehttp` puts zdr's keeper between the two. What matters in here:
//
//   - The successor is os.Args[0], which must be a path. Through `current` that is the new release.
//   - gracehttp's own server does not serve, see holder.
//   - Accept is limited, see limitAccept.
//   - Only TERM drains, for as long as it takes. INT ends the process at once.
//   - After a successor that crashes as it starts nobody serves: this process is on its way out already.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/tabalt/gracehttp"
)

// release is set by the linker.
var release = "unknown"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	server := &http.Server{
		Handler:           handler(),
		ReadHeaderTimeout: 5 * time.Second, // a client that connects and says nothing would hold up the drain
		IdleTimeout:       2 * time.Minute,
	}
	// gracehttp drains by net/http's Shutdown. With newer Go that closes a connection which was accepted, but whose
	// request had not come yet: under load, about one a reload. So gracehttp only opens the listener, hands it on and
	// closes it, but never gets to accept: net/http first asks for a context, and that comes when all is done.
	holder := gracehttp.NewServer(*address, nil, 0, 0)
	holder.BaseContext = func(listener net.Listener) context.Context {
		serve(server, listener)
		return context.Background()
	}
	if err := holder.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatalf("cannot serve: %v", err)
	}
	log.Printf("release %s is done", release)
}

// serve answers until gracehttp closes the listener, and then whoever was let in before.
func serve(server *http.Server, listener net.Listener) {
	if err := limitAccept(listener); err != nil {
		log.Printf("limit accept: %v", err)
	}
	log.Printf("release %s serves on %s", release, listener.Addr())
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

// limitAccept keeps accept from waiting in the kernel. To hand the socket over, gracehttp makes it a blocking one for a
// while (os.File.Fd), here too: it is the same socket. An accept that begins just then would wait for one more
// connection, and with it the drain: the old release would stay until then, and would answer that connection.
func limitAccept(listener net.Listener) error {
	raw, err := listener.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	limit := syscall.NsecToTimeval((10 * time.Millisecond).Nanoseconds())
	var failure error
	err = raw.Control(func(fd uintptr) {
		failure = syscall.SetsockoptTimeval(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	})
	if err != nil {
		return err
	}
	return failure
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
