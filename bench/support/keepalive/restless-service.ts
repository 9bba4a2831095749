/**
 * A service that closes its idle connections after `MIN`..`MAX` ms at random, each other one in the polite way: it sends
 * its FIN and still executes what was on the way. Says `{"port"}`; `GET /report` tells what it executed, and begins anew.
 */
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

const [minMs = 0, maxMs = 0] = process.argv.slice(2).map(Number)
let executed = new Map<string, number>()
let connections = 0
let closed = 0
const timers = new WeakMap<Socket, NodeJS.Timeout>()

const server = createServer((request, response) => {
  const { socket } = request
  clearTimeout(timers.get(socket))
  if (request.url === '/report') {
    const seen = [...executed]
    const twice = (method: string) => seen.filter(([id, times]) => id.startsWith(method) && times > 1).length
    response.end(JSON.stringify({ requests: seen.length, get: twice('GET'), post: twice('POST'), connections, closed }))
    executed = new Map()
    connections = 0
    closed = 0
    return
  }
  const id = `${request.method} ${request.url}`
  executed.set(id, (executed.get(id) ?? 0) + 1)
  request.resume()
  request.once('end', () => response.end('done'))
  response.once('finish', () => timers.set(socket, setTimeout(close, minMs + Math.random() * (maxMs - minMs), socket)))
})

function close(socket: Socket): void {
  closed++
  if (closed % 2 === 0) socket.destroy()
  else socket.end()
}

// Without a word of its own in Keep-Alive: what it does is all that can be learned.
server.keepAliveTimeout = 0
server.on('connection', () => connections++)
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
