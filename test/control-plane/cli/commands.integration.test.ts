/** Every command against a running system, as text for people and as JSON for scripts. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type RunningSystem, startSystem } from '../../../bench/support/start-system.ts'
import { buildCommands } from '../../../control-plane/cli/commands.ts'
import { exitCodeOf } from '../../../control-plane/cli/exit-codes.ts'
import { printFailure } from '../../../control-plane/cli/failure.ts'
import { root } from '../../../control-plane/cli/root.ts'
import { eventually } from '../../support/eventually.ts'
import { startProcess } from '../../support/process-runner.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

let system: RunningSystem

beforeAll(async () => {
  system = await startSystem({ stores: 'embedded' })
})
afterAll(() => system.stop())
afterEach(() => {
  process.exitCode = undefined
})

/** Runs a command in this process; `code` as the real one would end. */
async function tidegate(...argv: string[]) {
  const [out, told]: [string[], string[]] = [[], []]
  // At this base nobody has a Redis.
  const env = { TIDEGATE_HOME: system.home, TIDEGATE_PORT_BASE: '1024' }
  const commands = buildCommands({
    ...{ env, folder: root },
    ...{ out: (text) => out.push(text), tell: (text) => told.push(text) },
  })
  let code = 0
  try {
    await commands.parseAsync(argv, { from: 'user' })
    code = Number(process.exitCode ?? 0)
  } catch (cause) {
    told.push(printFailure(cause, argv.includes('json')))
    code = exitCodeOf(cause)
  }
  return { code, out: out.join('\n'), told: told.join('\n') }
}

const json = async (...argv: string[]) => JSON.parse((await tidegate(...argv, '-o', 'json')).out)

describe('get', () => {
  it.each(['services', 'routes', 'tables', 'sites', 'units', 'gateways'])(
    'lists %s, the same as JSON',
    async (things) => {
      const { out, code } = await tidegate('get', things)
      const rows = await json('get', things)

      expect(code).toBe(0)
      expect(rows.length).toBeGreaterThan(0)
      expect(out.split('\n')).toHaveLength(rows.length + 1)
      expect(out).not.toMatch(/undefined|\[object/)
    },
  )

  it('tells of each route the id that a purge by route takes', async () => {
    const { out } = await tidegate('get', 'routes')

    for (const { id } of await json('get', 'routes')) expect(out).toContain(id)
  })

  it('takes the singular, too, and names what there is', async () => {
    expect((await tidegate('get', 'service')).out).toContain('orders')
    expect(await tidegate('get', 'gatway')).toMatchObject({
      code: 2,
      out: '',
      told: expect.stringContaining('gateways'),
    })
  })
})

describe('flip and rollback', () => {
  it('say what changed, who acknowledged, and how to undo it', async () => {
    const flipped = await tidegate('flip', 'users', '--to', 'cloud', '--reason', 'a test')
    const back = await tidegate('rollback', 'users')

    expect(flipped.out).toMatch(/^Flipped: users is at cloud 100 % \(epoch 2, table \d+\)\.$/m)
    expect(flipped.out).toMatch(/^Acknowledged by 2 gateways: .*onprem \d+ ms/m)
    expect(flipped.out).toMatch(/^Undo: tidegate rollback users$/m)
    expect(back.out).toMatch(/^Rolled back: users is at onprem 100 % \(epoch 3/m)
  })

  it('keep writes whole where the state is shared, and split them where it may be', async () => {
    const shared = await json('flip', 'orders', '--to', 'cloud', '--percent', '10', '--reason', 'a test')
    const divisible = await json('flip', 'carts', '--to', 'cloud', '--percent', '12.5', '--reason', 'a test')

    expect(shared.placement.moving).toEqual({ to: 'cloud', reads: 1000, writes: 0 })
    expect(divisible.placement.moving).toEqual({ to: 'cloud', reads: 1250, writes: 1250 })
    await tidegate('rollback', 'orders')
    await tidegate('rollback', 'carts')
  })

  it('that change nothing say so', async () => {
    expect((await tidegate('flip', 'search', '--to', 'onprem', '--reason', 'x')).out).toMatch(/^Nothing to do: search/)
  })

  it.each([
    [3, ['flip', 'ordres', '--to', 'cloud', '--reason', 'x'], /no unit ordres/],
    [2, ['flip', 'orders', '--to', 'mars', '--reason', 'x'], /no deployment at mars/],
    [2, ['flip', 'orders', '--to', 'cloud', '--percent', '101', '--reason', 'x'], /not a share/],
    [2, ['flip', 'orders', '--to', 'cloud', '--percent', '0.001', '--reason', 'x'], /not a share/],
    [2, ['flip', 'orders', '--to', 'cloud', '--reason', ' '], /reason is empty/],
    [2, ['flip', 'orders'], /fix: tidegate flip <unit> --to <site> --reason <text>/],
    [2, ['get'], /missing required argument 'things'/],
    [4, ['rollback', 'files'], /no move that could be taken back/],
  ] as const)('end with %i: %j', async (code, argv, why) => {
    const failed = await tidegate(...argv)

    expect(failed.code).toBe(code)
    expect(failed.out).toBe('')
    expect(failed.told).toMatch(why)
    expect(failed.told).toMatch(/^ {2}fix: /m)
  })
})

describe('explain and status', () => {
  it('tell where a request goes, and why', async () => {
    const { out } = await tidegate('explain', 'get', 'http://api.example.com/v1/orders/7', '-H', 'x-a: 1')

    expect(out).toMatch(/^site +onprem$/m)
    expect(out).toMatch(/onprem owns the unit/)
    expect((await json('explain', 'GET', 'http://api.example.com/v1/orders/7')).unit).toBe('orders')
  })

  it.each([
    [['GET', '/x', '-H', 'nonsense'], /not a header/],
    [['G T', '/x'], /not a method/],
    [['GET', 'localhost/v1/orders'], /neither a URL nor a path/],
    [['GET', 'ftp://api.example.com/'], /neither a URL nor a path/],
  ])('refuse what is no request: %j', async (argv, why) => {
    expect(await tidegate('explain', ...argv)).toMatchObject({ code: 2, out: '', told: expect.stringMatching(why) })
  })

  it('show the programs and one unit with its history', async () => {
    const whole = await tidegate('status')
    const unit = await tidegate('status', 'orders')

    expect(whole.out).toMatch(/^onprem +\S+ +live/m)
    expect(whole.out).toMatch(/^edge-1 +http/m)
    expect(unit.out).toMatch(/^team +team-commerce$/m)
    expect(unit.out).toMatch(/placed/)
  })
})

describe('token', () => {
  it('is created, works within its scope, and is refused after its removal', async () => {
    const made = await tidegate('token', 'create', 'ci', '--scope', 'read')
    const { id } = (await json('token', 'ls')).find(({ name }: { name: string }) => name === 'ci')

    expect(made.out).toMatch(/^tg[\w-]+$/)
    expect((await tidegate('get', 'units', '--token', made.out)).code).toBe(0)
    expect((await tidegate('rollback', 'orders', '--token', made.out)).code).toBe(5)
    expect((await tidegate('token', 'rm', id)).out).toBe(`Revoked ${id}.`)
    expect((await tidegate('get', 'units', '--token', made.out)).code).toBe(5)
  })

  it('without a scope is refused before it is made', async () => {
    expect(await tidegate('token', 'create', 'nothing')).toMatchObject({ code: 2, out: '' })
  })

  it.each([
    [['create', 'x', '--scope', 'reed'], /must be one of read, apply/],
    [['create', 'x', '--scope', 'read', '--expires-in', '3'], /--expires-in 3 is not a time/],
    [['rm', 'bootstrap-ops'], /not the id of a token/],
  ])('refuses %j', async (argv, why) => {
    expect(await tidegate('token', ...argv)).toMatchObject({ code: 2, out: '', told: expect.stringMatching(why) })
  })
})

describe('console', () => {
  it('gives a link to the console', async () => {
    expect((await tidegate('console')).out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login\?link=/)
  })
})

describe('apply, diff and service add', () => {
  /** The catalog that runs, as files. */
  async function catalogFolder() {
    const folder = await temporaryFolder()
    await cp(join(root, 'routes/example'), folder.path, { recursive: true })
    for (const { file, text } of (await system.client.catalog()).files) await writeFile(folder.file(file), text)
    return folder
  }
  const edit = async (file: string, from: string, to: string): Promise<void> =>
    writeFile(file, (await readFile(file, 'utf8')).replace(from, to))

  it('of what already holds change nothing', async () => {
    await using folder = await catalogFolder()

    expect((await tidegate('apply', folder.path)).out).toMatch(/^Nothing to do/)
    expect(await tidegate('diff', folder.path)).toMatchObject({ code: 0, out: 'No difference.' })
  })

  it('show the change first, then make it', async () => {
    await using folder = await catalogFolder()
    await edit(folder.file('services/search.yaml'), 'tier: ', 'tier: 1 # ')

    const diff = await tidegate('diff', folder.path)
    const dry = await tidegate('apply', folder.path, '--dry-run')
    const applied = await tidegate('apply', folder.path, '--reason', 'a test')

    expect(diff.code).toBe(1)
    expect(diff.out).toMatch(/^search:\n.*tier/m)
    expect(dry.out).toMatch(/^Would be: changed 1 service \(search\)\. Nothing has been changed\.$/)
    expect(applied.out).toMatch(/^Applied: changed 1 service \(search\)\. Structure \d+\.$/)
  })

  it('refuse a wrong catalog whole, with each place', async () => {
    await using folder = await catalogFolder()
    await edit(folder.file('services/orders.yaml'), 'owner:', 'ownr:')
    await edit(folder.file('services/users.yaml'), 'tier:', 'teir:')

    const failed = await tidegate('apply', folder.path)
    const asJson = JSON.parse((await tidegate('apply', folder.path, '-o', 'json')).told)

    expect(failed.code).toBe(2)
    expect(failed.told).toMatch(/^services\/orders\.yaml:\d+:1 "ownr": unknown; did you mean "owner"\?$/m)
    expect(failed.told).toMatch(/^services\/users\.yaml:\d+:\d+ "teir"/m)
    expect(asJson.faults.length).toBeGreaterThan(1)
  })

  it('refuse a folder that is none', async () => {
    expect((await tidegate('apply', '/nowhere')).code).toBe(2)
    expect((await tidegate('apply', 'package.json')).told).toMatch(/package\.json .*: it is a file/)
    expect((await tidegate('apply')).told).toMatch(/fix: tidegate apply .*<dir>/)
  })

  it('with --if-none leave a catalog alone that is there', async () => {
    await using folder = await catalogFolder()
    await edit(folder.file('services/search.yaml'), 'tier: ', 'tier: 3 # ')

    expect((await tidegate('apply', folder.path, '--if-none')).out).toMatch(/a catalog was applied before/)
    expect(await json('apply', folder.path, '--if-none')).toEqual({ applied: false })
  })

  it('of the example as it stands in the repository lead to the samples, wherever the ports of this system begin', async () => {
    expect(system.demo.base).not.toBe(17_000)

    const { out, told } = await tidegate('diff', 'routes/example')

    expect(out).not.toMatch(/127\.0\.0\.1:17\d{3}/)
    expect(told).toContain(`${system.demo.base} and above`)
  })

  it('put one’s own service behind the gateway in one line', async () => {
    const { demo } = system
    const added = await tidegate(
      ...['service', 'add', 'hello', '--url', demo.services.cloud, '--site', 'cloud'],
      ...['--path', '/hello/{name}', '--public', '--team', 'team-platform'],
    )

    expect(added.out).toMatch(/^hello is served at \/hello\/\{name\} from cloud, owned by team-platform\.$/m)
    await eventually(async () => {
      const answer = await fetch(`${demo.edge}/hello/you`)
      return answer.ok && ((await answer.json()) as { site: string }).site === 'cloud'
    })
  })

  it('never put one’s own in the place of another service, unless told to', async () => {
    const argv = ['service', 'add', 'users', '--url', system.demo.services.onprem, '--path', '/mine/**']

    const refused = await tidegate(...argv)

    expect(refused).toMatchObject({ code: 4, out: '' })
    expect(refused.told).toMatch(/a service users already, of team-identity, with 4 routes/)
    expect((await tidegate(...argv, '--replace')).out).toMatch(/^Applied: changed 1 service \(users\)/)
  })
})

describe('JSON', () => {
  it('comes from commands that work on this machine, too', async () => {
    await using folder = await temporaryFolder()

    expect((await json('keys', 'init', folder.path)).written).toHaveLength(6)
  })

  it('tells of a setup without its Redis', async () => {
    await using folder = await temporaryFolder()

    const { told, code } = await tidegate('setup', folder.path, '--loopback', '-o', 'json')

    expect(code).toBe(8)
    expect(JSON.parse(told)).toMatchObject({
      code: 'redis-unreachable',
      detail: expect.stringContaining('ECONNREFUSED'),
    })
  })

  it('tells what was typed wrongly', async () => {
    const { told, code } = await tidegate(
      'flip',
      'orders',
      '--to',
      'cloud',
      '--reason',
      'x',
      '--percnt',
      '10',
      '-o',
      'json',
    )

    expect(code).toBe(2)
    expect(JSON.parse(told)).toMatchObject({ code: 'usage-wrong', detail: expect.stringContaining('--percent') })
  })
})

describe('the command itself', () => {
  const command = join(root, 'control-plane/cli/tidegate.mjs')
  const typed = async (...args: string[]) => {
    const running = await startProcess({
      command: process.execPath,
      args: [command, ...args],
      env: { TIDEGATE_HOME: system.home },
    })
    return { ...(await running.ended), text: running.output() }
  }

  it.each([
    ['what it answers', ['explain', 'GET', 'http://localhost/v1/\u009b31m\u202e']],
    ['a refusal', ['status', 'orders\u001b[2J']],
    ['a typo', ['sta\u001b[31mtus']],
  ])('sends no control character to the terminal in %s', async (_, args) => {
    const { text } = await typed(...args)

    expect(text).toMatch(/\\u00(?:1b|9b)/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is what is tested
    expect(text).not.toMatch(/[\u001b\u009b\u202e]/)
  })

  it('ends with 2 on a typo, and suggests what was meant', async () => {
    expect(await typed('statsu')).toMatchObject({ code: 2, text: expect.stringContaining('did you mean status?') })
  })

  it('ends with 8 when nobody answers', async () => {
    expect((await typed('status', '--url', 'http://127.0.0.1:45', '--token', 'x')).code).toBe(8)
  })

  it('is there at once: a cold start takes at most 150 ms, or six of bare Node on a busy machine', () => {
    const quickest = (...args: string[]): number => {
      const times = Array.from({ length: 5 }, () => {
        const began = performance.now()
        spawnSync(process.execPath, args)
        return performance.now() - began
      })
      return Math.min(...times)
    }

    expect(quickest(command, '--version')).toBeLessThan(Math.max(150, 6 * quickest('-e', '0')))
  })

  it('passes Ctrl-C on to the program that it runs once, so that it ends in order', async () => {
    await using folder = await temporaryFolder()
    const key = (name: string): string => join(system.home, 'keys', `${name}.json`)
    const config = {
      listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
      publicUrl: 'http://127.0.0.1:1',
      home: folder.file('home'),
      environment: 'test',
      keys: { tableSigning: key('tables'), gateways: key('control-gateway'), edges: key('edge-control') },
    }
    await writeFile(folder.file('control-plane.yaml'), JSON.stringify(config))
    const argv = [command, 'control-plane', '--config', folder.file('control-plane.yaml')]
    const running = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    // Whatever fails below, nothing of it stays: a command that is ended by SIGTERM ends its program.
    onTestFinished(() => void running.kill('SIGTERM'))
    let output = ''
    running.stdout.on('data', (text: Buffer) => {
      output += text.toString()
    })
    const ended = once(running, 'exit')
    await eventually(() => output.includes('"ready":true'), { deadlineMs: 20_000 })

    const program = await eventually(() => Number(/"pid":(\d+)/.exec(output)?.[1]))
    // It leads a group of its own: the terminal's Ctrl-C does not come to it a second time, beside ours.
    expect(() => process.kill(-program, 0)).not.toThrow()

    // As a terminal does: to everything in its foreground group.
    process.kill(-(running.pid ?? 0), 'SIGINT')

    expect((await ended)[0]).toBe(0)
    expect(output).toContain('"clean":true')
  })

  it('runs a program by its name, and ends as it does', async () => {
    const config = join(system.home, 'config/nowhere.yaml')

    expect(await typed('gateway', '--config', config)).toMatchObject({ code: 1, text: expect.stringContaining(config) })
  })
})

describe('lint and doctor', () => {
  it('lint hops tells what nobody stated, and fails nothing by it', async () => {
    const { out, code } = await tidegate('lint', 'hops')

    expect(code).toBe(0)
    expect(out).toMatch(/unset +L5 +onprem .*service states no keep-alive time/)
    expect(await json('lint', 'hops', '--unit', 'orders')).toContainEqual(
      expect.objectContaining({ rule: 'L5', unit: 'orders', hop: 'service' }),
    )
  })

  it('lint paths proposes what refuses nobody, from what was really asked for', async () => {
    await fetch(`${system.demo.edge}/v1/products//7`, { headers: { host: 'api.example.com' } })
    const advice = await json('lint', 'paths')

    expect(advice).toMatchObject({ policy: 'reject', requests: expect.any(Number) })
    expect((await tidegate('lint', 'paths')).out).toMatch(/^Of \d+ recorded requests/)
  })

  it('doctor hops asks each instance, and tells one that closes first', async () => {
    const rows = await json('doctor', 'hops', '--site', 'onprem', '--watch', '100ms')

    expect(rows).toContainEqual(expect.objectContaining({ site: 'onprem', service: 'orders' }))
    expect((await tidegate('doctor', 'hops', '--watch', '100ms')).out).toMatch(/^SITE +SERVICE +INSTANCE/)
  })

  it('explain --site answers by what a gateway of that site runs now', async () => {
    const told = await json('explain', 'GET', 'http://api.example.com/v1/orders/7', '--site', 'cloud')

    expect(told).toMatchObject({ unit: 'orders', here: expect.any(Boolean), sentences: expect.any(Array) })
  })
})
