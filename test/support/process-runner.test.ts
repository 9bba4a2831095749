import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { freePort, freePorts } from './free-port.ts'
import { listens, type ProcessOptions, startProcess } from './process-runner.ts'
import { startMemcached, startNginx, startRedis } from './servers.ts'

const node = (code: string) => ({ command: process.execPath, args: ['-e', code] })

const failure = (options: ProcessOptions): Promise<string> => startProcess(options).then(String, String)

describe('the process runner', () => {
  it('waits for the ready line and stops its own process', async () => {
    const running = await startProcess({ ...node("console.log('up'); setInterval(() => {}, 1000)"), ready: /up/ })

    expect(await running.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  })

  it('freezes a process: nothing of it runs until it is woken', async () => {
    const ticking = node("setInterval(() => console.log('tick'), 1)")
    await using running = await startProcess({ ...ticking, ready: /tick/ })

    await running.freeze()
    // What it had written before may still be on its way.
    await new Promise((resolve) => setTimeout(resolve, 50))
    const before = running.output()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(running.output()).toBe(before)

    running.signal('SIGCONT')
    await eventually(() => running.output().length > before.length, { what: 'it ticks again' })
  })

  it('tells what a process printed that ended too early, was late, or is not there', async () => {
    const failures = await Promise.all([
      failure({ ...node("console.log('why'); process.exit(3)"), ready: /never/ }),
      failure({ ...node("console.log('slow'); setInterval(() => {}, 1000)"), ready: /never/, deadlineMs: 300 }),
      failure({ command: 'not-a-program', ready: /never/ }),
    ])

    expect(failures).toEqual([
      expect.stringMatching(/ended before it was ready \(3\)(?:.|\n)*why/),
      expect.stringMatching(/within 300 ms(?:.|\n)*slow/),
      expect.stringContaining('ENOENT'),
    ])
  })

  it('ends a process that does not listen to its signal', async () => {
    const running = await startProcess({
      ...node("process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"),
      ready: /up/,
    })

    expect(await running.stop('SIGTERM', 50)).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('finds different free ports', async () => {
    const ports = await freePorts(20)

    expect(new Set(ports).size).toBe(20)
    expect(await listens(await freePort())).toBe(false)
  })

  it('starts real servers and stops them', async () => {
    const servers = await Promise.all([
      startRedis(),
      startMemcached(),
      startNginx((port) => `server { listen 127.0.0.1:${port}; location / { return 200 'here'; } }`),
    ])

    expect(await Promise.all(servers.map(({ port }) => listens(port)))).toEqual([true, true, true])
    expect(await (await fetch(`http://${servers[2].address}/`)).text()).toBe('here')
    await Promise.all(servers.map((server) => server.stop()))
    expect(await Promise.all(servers.map(({ port }) => listens(port)))).toEqual([false, false, false])
  })
})
