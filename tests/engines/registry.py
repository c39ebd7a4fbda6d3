#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: registry.py PORT DIR: serves the OCI layouts DIR/NAME as images to pull, on the loopback only."""
import http.server
import json
import os
import re
import sys


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, code, kind, size, digest=None):
        self.send_response(code)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(size))
        if digest:
            self.send_header('Docker-Content-Digest', digest)
        self.end_headers()

    def serve(self, with_body):
        path = self.path.partition('?')[0]
        if path == '/v2/':
            return self.answer(200, 'application/json', 0)
        match = re.fullmatch(r'/v2/([a-z0-9-]+)/(manifests|blobs)/([a-zA-Z0-9:_.-]+)', path)
        layout = match and os.path.join(self.server.layouts, match[1])
        if not match or not os.path.isdir(layout):
            return self.answer(404, 'application/json', 0)
        kind, digest = 'application/octet-stream', match[3]
        if match[2] == 'manifests':
            with open(os.path.join(layout, 'index.json'), encoding='utf-8') as f:
                manifest = json.load(f)['manifests'][0]
            kind = manifest['mediaType']
            if not digest.startswith('sha256:'):
                digest = manifest['digest']
        try:
            with open(os.path.join(layout, 'blobs', 'sha256', digest.removeprefix('sha256:')), 'rb') as f:
                body = f.read()
        except OSError:
            return self.answer(404, 'application/json', 0)
        self.answer(200, kind, len(body), digest)
        if with_body:
            self.wfile.write(body)
        return None

    def do_GET(self):
        self.serve(True)

    def do_HEAD(self):
        self.serve(False)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Registry)
server.layouts = sys.argv[2]
server.serve_forever()
