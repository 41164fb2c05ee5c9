// A plain Go server, without any library for reloads: it is stopped and started again, and between the two nobody
// listens (some 10 ms, or as long as the slowest request in flight). zdr measures that gap and prints it.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop -addr 127.0.0.1:8080", reload: restart,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// On TERM, which is what supervisor sends, it takes no new requests, answers those in flight, and ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// release is set by the linker.
var release = "unknown"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	server := &http.Server{Addr: *address, Handler: handler()}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	log.Printf("release %s serves on %s", release, *address)
	select {
	case <-stop.Done():
		// No limit of its own: supervisor ends this process after stopwaitsecs.
		if err := server.Shutdown(context.Background()); err != nil {
			log.Printf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			log.Printf("serve: %v", err)
		}
	case err := <-served:
		log.Fatalf("cannot serve: %v", err)
	}
	log.Printf("release %s is done", release)
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
