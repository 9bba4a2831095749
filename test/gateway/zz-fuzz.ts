import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { openBed } from './bed.ts'
import { placementSet, policy, route, service, structure } from '../support/tables.ts'
let seed = Number(process.argv[2] ?? 7)
const rnd = (n: number) => { seed = (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0; return ((seed ^ (seed >>> 13)) >>> 0) % n }
const answers = ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok', 'HTTP/1.1 888 Odd\r\nContent-Length: 2\r\n\r\nok', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nsurplus!!', 'HTTP/1.1 200 \xff\xfe\r\nX-Y: \xff\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n0\r\nX: 1\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nuntil close']
const requests = ['GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'HEAD /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n', 'PUT /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc', 'GET http://a/v1/x HTTP/1.1\r\nHost: a\r\nX-Tidegate-Hop: v=1;k=k1;m=x\r\n\r\n', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /v1/x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n']
const mutate = (t: string) => { let b = Buffer.from(t, 'latin1'); for (let k = rnd(3); k > 0; k--) { const at = rnd(b.length); const what = rnd(4); if (what === 0) b[at] = rnd(256); else if (what === 1) b = Buffer.concat([b.subarray(0, at), b.subarray(at + 1 + rnd(3))]); else if (what === 2) b = Buffer.concat([b.subarray(0, at), Buffer.from([rnd(256)]), b.subarray(at)]); else b = Buffer.concat([b.subarray(0, at), b.subarray(rnd(b.length))]); if (b.length === 0) b = Buffer.from('x') } return b }
const up = createServer((s) => { s.on('error', () => {}); s.on('data', () => { if (s.destroyed) return; s.write(mutate(answers[rnd(answers.length)]!)); if (rnd(3) === 0) s.end(); else if (rnd(6) === 0) s.resetAndDestroy() }) })
up.listen(0, '127.0.0.1'); await once(up, 'listening')
const bed = await openBed()
const fast = { ...policy, timeout: { connectMs: 200, firstByteMs: 150, totalMs: 300 }, cache: { ttlMs: 1000, staleWhileRevalidateMs: 0, tags: [], vary: [] } }
const services = [service('orders', { deployments: [{ site: 'onprem', url: `http://127.0.0.1:${(up.address() as any).port}` }] })]
await bed.writeTable('table', structure([route('/v1/**', { policy: fast })], { services }), placementSet([]))
const g = await bed.start('onprem', { table: { file: 'table' }, log: { access: true }, cache: { zones: [{ name: 'm', driver: 'memory' }] } })
let done = 0, stuck: string[] = []
const one = () => new Promise<void>((resolve) => {
  let sent = '', got = ''
  const s = connect(g.port, '127.0.0.1'); let t = setTimeout(() => { if (got === '' && stuck.length < 5 && /^(GET|POST|PUT) \/v1/.test(sent)) stuck.push(JSON.stringify(sent)); s.destroy() }, 1500)
  s.on('error', () => {}); s.on('close', () => { clearTimeout(t); done++; resolve() })
  const n = 1 + rnd(3); for (let i = 0; i < n; i++) { const m = mutate(requests[rnd(requests.length)]!); sent += m.toString('latin1'); s.write(m) }
  if (rnd(4) === 0) s.end(); else if (rnd(5) === 0) setTimeout(() => s.resetAndDestroy(), rnd(20))
  s.on('data', (c) => { got += c; if (rnd(3) === 0) s.destroy() })
})
const until = Date.now() + 12000
await Promise.all(Array.from({ length: 60 }, async () => { while (Date.now() < until) await one() }))
console.log(g.process.output().split('\n').filter(l => !l.includes('"request"')).slice(-25).join('\n').slice(0, 6000))
for (let i = 0; i < 6; i++) { console.log(await (await g.ask('/gateway/v1/drain')).text()); await new Promise(r => setTimeout(r, 1500)) }
console.log('done', done, 'live', (await fetch(g.internal + '/health/live')).status)
console.log('stuck', stuck.join('\n'))
const m = await (await g.ask('/metrics')).text(); console.log(m.split('\n').filter(l => /problems_total|requests_total|unparsed|broken|background|resident|heap_size_used|handles/.test(l) && !l.startsWith('#')).join('\n'))
console.log(g.process.output().split('\n').filter(l => /"error"|"warn"/.test(l)).slice(0, 6).join('\n').slice(0, 3000))
await bed[Symbol.asyncDispose](); up.close(); process.exit()
