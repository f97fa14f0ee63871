"""The gauges of a file as Prometheus' client for Python serves them. Prints the port it listens on."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import Gauge, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

gauges = {}
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        metric, image_id, image, value = line.rstrip("\n").split("\t")
        if metric not in gauges:
            gauges[metric] = Gauge(metric, "RepoDigests of an image.", ["image_id", "image"])
        gauges[metric].labels(image_id, image).set(float(value))


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


# As its start_http_server() does it, which does not tell the port.
server = make_server("127.0.0.1", 0, make_wsgi_app(), ThreadingWSGIServer, handler_class=Quiet)
print(f"port={server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
