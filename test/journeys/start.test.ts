/** `npm start` as its user sees it: once, again, with a taken port, after a flip, anew, and its end. */
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Demo } from '../../control-plane/cli/local/demo-file.ts'
import { choosePorts, isFree } from '../../control-plane/cli/local/ports.ts'
import { root } from '../../control-plane/cli/root.ts'
import { eventually } from '../support/eventually.ts'
import { type Ending, type RunningProcess, startProcess } from '../support/process-runner.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const main = join(root, 'control-plane/cli/main.ts')
const prompt = /Ctrl-C stops it/

interface StartOptions {
  readonly args?: readonly string[]
  readonly base?: number | undefined
  readonly env?: Record<string, string>
}

function npmStart(home: TemporaryFolder, { args = [], base, env = {} }: StartOptions = {}): Promise<RunningProcess> {
  return startProcess({
    command: process.execPath,
    args: [main, 'local', ...args],
    env: { TIDEGATE_HOME: home.file('state'), TIDEGATE_PORT_BASE: base === undefined ? '' : String(base), ...env },
    ready: prompt,
    deadlineMs: 90_000,
  })
}

/** One that ends by itself. */
async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Ending & { text: string }> {
  const running = await startProcess({ command, args, env })
  return { ...(await running.ended), text: running.output() }
}

const tidegate = (home: TemporaryFolder, ...args: string[]) =>
  run(process.execPath, [join(root, 'control-plane/cli/tidegate.mjs'), ...args], { TIDEGATE_HOME: home.file('state') })

const demoOf = async (home: TemporaryFolder): Promise<Demo> =>
  JSON.parse(await readFile(home.file('state/demo.json'), 'utf8'))

const freeBase = async (wanted: number): Promise<number> => (await choosePorts(wanted, isFree)).ports.base

async function siteOf({ edge, token }: Demo): Promise<string> {
  const answer = await fetch(`${edge}/v1/orders`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { site: string }).site
}

/** Processes whose command line names this folder. */
async function processesOf(home: TemporaryFolder): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'it has ended')),
  )
  return lines.filter((line) => line.includes(home.path)).map((line) => line.replaceAll('\0', ' '))
}

describe('npm start', () => {
  it('runs everything, keeps what was flipped, and leaves nothing behind', async () => {
    await using home = await temporaryFolder()
    const base = await freeBase(24_000)

    await using first = await npmStart(home, { base })
    const demo = await demoOf(home)
    const pasted = first.output()

    expect(demo.edge).toBe(`http://127.0.0.1:${base + 80}`)
    expect(pasted).toContain(`curl -s -H 'authorization: Bearer ${demo.token}' http://localhost:${base + 80}/v1/orders`)
    expect((await stat(home.file('state/demo.json'))).mode & 0o777).toBe(0o600)
    expect(await siteOf(demo)).toBe('onprem')

    const second = await run(process.execPath, [main, 'local'], { TIDEGATE_HOME: home.file('state') })
    expect(second.code).toBe(0)
    expect(second.text).toContain(`already runs from ${home.file('state')}`)
    expect(second.text).toContain(demo.console)

    const refused = await run(process.execPath, [main, 'local', '--fresh'], { TIDEGATE_HOME: home.file('state') })
    expect(refused.code).toBe(4)

    const flip = await tidegate(home, 'flip', 'orders', '--to', 'cloud', '--reason', 'a test')
    expect(flip.text).toMatch(/Flipped: orders is at cloud 100 %[\s\S]*Acknowledged by 2 gateways[\s\S]*Undo: /)
    await eventually(async () => (await siteOf(demo)) === 'cloud', { what: 'the flip at the edge' })

    const ended = await first.stop('SIGINT')
    expect(ended.code).toBe(0)
    expect(await processesOf(home)).toEqual([])

    const began = performance.now()
    await using again = await npmStart(home)
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(again.output()).toMatch(/Away from home:\s+orders: cloud 100 %/)
    // The same tokens, the same ports: what was pasted before still works.
    expect(await demoOf(home)).toMatchObject({ token: demo.token, edge: demo.edge })
    expect(await siteOf(demo)).toBe('cloud')

    expect((await tidegate(home, 'rollback', 'orders')).code).toBe(0)
    await eventually(async () => (await siteOf(demo)) === 'onprem', { what: 'the rollback at the edge' })

    expect((await tidegate(home, 'stop')).code).toBe(0)
    expect((await again.ended).code).toBe(0)
    expect(await processesOf(home)).toEqual([])
  })

  it('moves all ports when one is taken, in the catalog too, and keeps services of its user', async () => {
    await using home = await temporaryFolder()
    const base = await freeBase(24_000)
    const own = createServer((_, response) => response.end('my own')).listen(0, '127.0.0.1')
    await once(own, 'listening')
    const ownUrl = `http://127.0.0.1:${(own.address() as { port: number }).port}`
    await using first = await npmStart(home, { base, args: ['--embedded'] })
    const added = await tidegate(home, 'service', 'add', 'hello', '--url', ownUrl, '--path', '/hello/**', '--public')
    expect(added.text).toContain('hello is served at /hello/** from onprem')
    await first.stop('SIGINT')

    const squatter = createTcpServer().listen(base + 201, '127.0.0.1')
    await once(squatter, 'listening')
    await using moved = await npmStart(home, { base, args: ['--embedded'] })

    expect(moved.output()).toMatch(new RegExp(`port ${base + 201} is taken: all ports moved by \\d+, to \\d+`))
    const demo = await demoOf(home)
    expect(demo.base).not.toBe(base)
    expect(await siteOf(demo)).toBe('onprem')
    expect(await (await fetch(`${demo.edge}/hello/you`)).text()).toBe('my own')
    squatter.close()
    own.close()
  })

  it('works without Redis and Memcached, and says so', async () => {
    await using home = await temporaryFolder()
    // A PATH on which only what the programs themselves need is found.
    await mkdir(home.file('bin'))
    await symlink(process.execPath, home.file('bin/node'))

    await using system = await npmStart(home, { base: await freeBase(24_000), env: { PATH: home.file('bin') } })
    const demo = await demoOf(home)

    expect(system.output()).toContain('in memory (redis-server is not installed)')
    expect(demo.redis).toBeUndefined()
    expect(await siteOf(demo)).toBe('onprem')
    await tidegate(home, 'flip', 'orders', '--to', 'cloud', '--reason', 'the token is known at onprem only')
    await eventually(async () => (await siteOf(demo)) === 'cloud', { what: 'the flip at the edge' })
  })

  it('begins anew with --fresh, and ends what a killed start left running', async () => {
    await using home = await temporaryFolder()
    const base = await freeBase(24_000)
    await using killed = await npmStart(home, { base })
    const before = await demoOf(home)
    await tidegate(home, 'flip', 'orders', '--to', 'cloud', '--reason', 'to be forgotten')
    await killed.stop('SIGKILL')
    expect(await processesOf(home)).not.toEqual([])

    await using fresh = await npmStart(home, { base, args: ['--fresh'] })

    expect(fresh.output()).toContain('ending what a killed start left running')
    expect(fresh.output()).not.toContain('Away from home')
    const after = await demoOf(home)
    expect(after.base).toBe(base)
    expect(after.token).not.toBe(before.token)
    expect(await siteOf(after)).toBe('onprem')
  })

  it('ends all it began when it is stopped before it is ready', async () => {
    await using home = await temporaryFolder()
    const env = { TIDEGATE_HOME: home.file('state'), TIDEGATE_PORT_BASE: String(await freeBase(24_000)) }
    await using starting = await startProcess({ command: process.execPath, args: [main, 'local'], env })
    await starting.waitFor(/starting Tidegate/)

    const { code } = await starting.stop('SIGINT')

    expect(code).toBe(130)
    expect(await processesOf(home)).toEqual([])
  })

  it('starts a program again that died, and ends one that hangs', async () => {
    await using home = await temporaryFolder()
    await using system = await npmStart(home, { base: await freeBase(24_000), args: ['--embedded'] })
    const { pids } = await demoOf(home)

    process.kill(pids['gateway-cloud'] ?? 0, 'SIGKILL')
    await system.waitFor(/gateway-cloud ended \(SIGKILL\); starting it again/)
    await system.waitFor(/gateway-cloud is ready again/)
    expect(await siteOf(await demoOf(home))).toBe('onprem')

    // A stopped process hears no SIGTERM.
    process.kill(pids['control-plane'] ?? 0, 'SIGSTOP')
    const began = performance.now()
    await system.stop('SIGINT', 20_000)
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(await processesOf(home)).toEqual([])
  })
})
