// A Go server that takes a new release by itself, with github.com/cloudflare/tableflip: HUP makes it start its
// successor, which inherits the listening socket; once the successor has said that it is ready, this process drains.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop -addr 127.0.0.1:8080", reload: tableflip,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Each release is a process of its own, and supervisor would take the end of the first one for the end of the program:
// `reload: tableflip` puts zdr's keeper between the two. What matters in here:
//
//   - The successor is os.Args[0], looked up again. Through `current` that is the new release.
//   - A successor that can not be executed, crashes as it starts, or is not ready within a minute costs nothing: this
//     process goes on.
//   - While an old release drains, the next reload is refused, see drainLimit.
package main

import (
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

	"github.com/cloudflare/tableflip"
)

// release is set by the linker.
var release = "unknown"

// drainLimit is how long requests in flight may take. Until this process is gone, its successor refuses to be reloaded.
const drainLimit = time.Minute

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	upgrader, err := tableflip.New(tableflip.Options{})
	if err != nil {
		log.Fatalf("cannot take over: %v", err)
	}
	listener, err := upgrader.Listen("tcp", *address)
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
	go obey(upgrader)
	if err := upgrader.Ready(); err != nil {
		log.Fatalf("cannot take over: %v", err)
	}
	log.Printf("release %s serves on %s", release, *address)

	<-upgrader.Exit() // the successor is ready, or there will be none
	listener.Close()
	select {
	case <-served:
	case <-time.After(drainLimit):
		log.Printf("release %s ends with requests in flight", release)
	}
	log.Printf("release %s is done", release)
}

// obey starts the successor on HUP, and stops on TERM.
func obey(upgrader *tableflip.Upgrader) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	for received := range signals {
		if received != syscall.SIGHUP {
			upgrader.Stop()
			continue
		}
		go func() { // TERM is to be heard while the successor starts
			if err := upgrader.Upgrade(); err != nil {
				log.Printf("release %s stays: %v", release, err)
			}
		}()
	}
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
