// A Go server that takes a new release by itself, with github.com/fvbock/endless: HUP makes it start its successor,
// which inherits the listening socket and sends TERM to the process that started it.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop -addr 127.0.0.1:8080", reload: endless,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Each release is a process of its own, and supervisor would take the end of the first one for the end of the program:
// `reload: endless` puts zdr's keeper between the two. What matters in here:
//
//   - The successor is os.Args[0]. Through `current` that is the new release.
//   - Accept is limited, see limitAccept.
//   - Requests in flight have endless.DefaultHammerTime, 60 seconds, then the process ends without them.
//   - A successor that crashes as it starts leaves this process serving, but it will never start another one: from then
//     on the program needs a restart. One that can not be executed ends this process. zdr looks before it asks.
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
	"strconv"
	"syscall"
	"time"

	"github.com/fvbock/endless"
)

// release is set by the linker.
var release = "unknown"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	server := endless.NewServer(*address, handler())
	server.BaseContext = whenListening
	server.ReadHeaderTimeout = 5 * time.Second // a client that connects and says nothing would hold up the drain
	server.IdleTimeout = 2 * time.Minute
	// Comes back when every connection is closed, with the error that ended the last accept.
	if err := server.ListenAndServe(); !errors.Is(err, net.ErrClosed) {
		log.Fatalf("cannot serve: %v", err)
	}
	log.Printf("release %s is done", release)
}

// whenListening is called with endless's listener, just before the first connection is accepted.
func whenListening(listener net.Listener) context.Context {
	if err := limitAccept(listener.(interface{ File() *os.File })); err != nil {
		log.Printf("limit accept: %v", err)
	}
	log.Printf("release %s serves on %s", release, listener.Addr())
	return context.Background()
}

// limitAccept keeps accept from waiting in the kernel. To hand the socket over, endless makes it a blocking one for a
// while (os.File.Fd), here too: it is the same socket. An accept that begins just then would wait for one more
// connection, and with it the drain: the old release would stay until then, and would answer that connection.
func limitAccept(listener interface{ File() *os.File }) error {
	file := listener.File()
	defer file.Close()
	raw, err := file.SyscallConn()
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
