// The gauges of a file as Prometheus' client for Go serves them. Prints the port it listens on.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	gauges := map[string]*prometheus.GaugeVec{}
	lines := bufio.NewScanner(file)
	for lines.Scan() { // metric, image_id, image, value
		fields := strings.Split(lines.Text(), "\t")
		if gauges[fields[0]] == nil {
			gauges[fields[0]] = prometheus.NewGaugeVec(
				prometheus.GaugeOpts{Name: fields[0], Help: "RepoDigests of an image."}, []string{"image_id", "image"})
			prometheus.MustRegister(gauges[fields[0]])
		}
		value, err := strconv.ParseFloat(fields[3], 64)
		if err != nil {
			log.Fatal(err)
		}
		gauges[fields[0]].WithLabelValues(fields[1], fields[2]).Set(value)
	}
	http.Handle("/metrics", promhttp.Handler())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "port=%d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
