import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProcess } from '../support/process-runner.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url).pathname
const platform = `${process.platform}-${process.arch}`

/** Other Nodes than the one that runs this, as people have them; exact, so that the test says the same tomorrow. */
const otherNodes = { 20: '20.20.2', 22: '22.23.2', 26: '26.10.0' } as const

let shared: TemporaryFolder
const home = () => shared.file('home')

interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

/** A small clone: the bootstrap, one package, one script. */
async function clone(name: string): Promise<string> {
  const folder = shared.file(name)
  await mkdir(folder)
  await cp(join(root, 'server-kit'), join(folder, 'server-kit'), {
    recursive: true,
    filter: (path) => !path.endsWith('.ts'),
  })
  await cp(shared.file('package.json'), join(folder, 'package.json'))
  await cp(shared.file('package-lock.json'), join(folder, 'package-lock.json'))
  await writeFile(
    join(folder, 'script.ts'),
    `import { Router } from 'itty-router'
     const words: string[] = process.argv.slice(2)
     console.log('ran on', process.version, words.join(' '), typeof Router)
     if (words.includes('stay')) setInterval(() => {}, 1000)
     if (words.includes('orderly')) process.on('SIGTERM', () => process.exit(5))
     process.exitCode = 7`,
  )
  return folder
}

async function bootstrap(node: string, folder: string, ...args: string[]) {
  return startProcess({
    command: node,
    args: ['server-kit/bootstrap.mjs', 'script.ts', ...args],
    cwd: folder,
    env: { TIDEGATE_HOME: home(), NODE_COMPILE_CACHE: undefined },
  })
}

async function outcome(node: string, folder: string, ...args: string[]): Promise<Outcome> {
  await using running = await bootstrap(node, folder, ...args)
  return { ...(await running.ended), output: running.output() }
}

async function fetchNode(major: keyof typeof otherNodes): Promise<string> {
  const version = otherNodes[major]
  const folder = shared.file(`node-${major}`)
  await mkdir(folder)
  await run(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--prefix', folder, `node-${platform}@${version}`],
    { cwd: folder },
  )
  return join(folder, 'node_modules', `node-${platform}`, 'bin', 'node')
}

const nodes = new Map<number, string>([[24, process.execPath]])

beforeAll(async () => {
  shared = await temporaryFolder()
  const manifest = {
    name: 'clone',
    version: '1.0.0',
    type: 'module',
    private: true,
    dependencies: { 'itty-router': '6.0.0' },
  }
  await writeFile(shared.file('package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--package-lock-only', '--no-audit'], { cwd: shared.path })
  await Promise.all(([20, 22, 26] as const).map(async (major) => nodes.set(major, await fetchNode(major))))
}, 120_000)

afterAll(() => shared[Symbol.asyncDispose]())

const node = (major: number): string => nodes.get(major) as string

describe('the bootstrap', () => {
  it('on Node 20 brings Node 24 and the packages, once though two start at once, and runs the script', async () => {
    const folder = await clone('first')
    const interrupted = join(home(), 'runtime', 'draft-interrupted')
    await mkdir(interrupted, { recursive: true })

    const both = await Promise.all([outcome(node(20), folder, 'a', 'b'), outcome(node(20), folder, 'c')])

    const output = both.map((one) => one.output).join('\n')
    expect(
      both.map(({ code }) => code),
      output,
    ).toEqual([7, 7])
    expect(output).toContain('ran on v24.21.0 a b function')
    expect(output).toContain('ran on v24.21.0 c function')
    expect(output.match(/fetching Node/g), output).toHaveLength(1)
    expect(output.match(/installing packages \(npm ci\)/g), output).toHaveLength(1)

    const again = await outcome(node(20), folder)
    expect(again.output).toBe('ran on v24.21.0  function\n')
    expect(existsSync(interrupted), 'what an interrupted install left').toBe(false)
  })

  it.each([
    [22, 'v24.21.0'],
    [24, process.version],
    [26, 'v26.10.0'],
  ])('typed first on Node %i it runs the script on %s', async (major, version) => {
    const folder = await clone(`typed-first-${major}`)

    const { code, output } = await outcome(node(major), folder)

    expect(output).toContain(`ran on ${version}`)
    expect(code).toBe(7)
  })

  it.each(['ci', 'install'])('after an `npm %s` typed by hand installs nothing a second time', async (verb) => {
    const folder = await clone(`by-hand-${verb}`)
    const env = { ...process.env, PATH: `${join(node(20), '..')}:${process.env['PATH']}` }
    await run('npm', [verb, '--no-audit'], { cwd: folder, env })

    expect((await outcome(node(20), folder)).output).toBe('ran on v24.21.0  function\n')
  })

  it('installs again when the lock file has changed', async () => {
    const folder = await clone('changed')
    await outcome(process.execPath, folder)
    const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))
    // The same content under another digest needs nothing; a package that went away does.
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
    expect((await outcome(process.execPath, folder)).output).not.toContain('installing packages')

    await rm(join(folder, 'node_modules'), { recursive: true })
    expect((await outcome(process.execPath, folder)).output).toContain('packages installed')
  })

  it('builds the console when its sources are newer than the last build, and runs the script though that fails', async () => {
    const folder = await clone('console')
    await outcome(process.execPath, folder)
    const place = (name: string) => join(folder, name)
    await mkdir(place('control-plane/console/screens'), { recursive: true })
    await mkdir(place('node_modules/vite/bin'), { recursive: true })
    await writeFile(place('control-plane/console/vite.config.ts'), '')
    const build = "const { mkdirSync, writeFileSync } = require('node:fs'); const to = process.argv[3] + '/dist'"
    await writeFile(place('node_modules/vite/package.json'), '{}')
    await writeFile(
      place('node_modules/vite/bin/vite.js'),
      `${build}; mkdirSync(to, { recursive: true }); writeFileSync(to + '/index.html', '')`,
    )

    const first = await outcome(process.execPath, folder)
    const second = await outcome(process.execPath, folder)
    await writeFile(place('control-plane/console/screens/new.tsx'), '')
    await utimes(place('control-plane/console/dist/index.html'), 1, 1)
    await writeFile(place('node_modules/vite/bin/vite.js'), "throw new Error('planted')")
    const third = await outcome(process.execPath, folder)

    expect([first, second, third].map(({ output }) => output.includes('building the console'))).toEqual([
      true,
      false,
      true,
    ])
    expect(third.output).toContain('planted')
    expect([first, second, third].map(({ code }) => code)).toEqual([7, 7, 7])
  })

  it('takes away the lock of a process that died', async () => {
    const folder = await clone('died')
    const lock = join(folder, '.tidegate', 'packages.lock')
    await mkdir(lock, { recursive: true })
    const dead = await startProcess({ command: process.execPath, args: ['--version'] })
    await dead.ended
    const host = (await run('hostname')).stdout.trim()
    await writeFile(join(lock, 'holder.json'), JSON.stringify({ id: 'dead', pid: dead.pid, host, at: Date.now() }))

    expect((await outcome(process.execPath, folder)).code).toBe(7)
  })

  it('refuses a package that is not the one it knows, and says in one line which Node to install where there is none', async () => {
    const folder = await clone('strange')
    const known = join(folder, 'server-kit', 'node-packages.json')
    const text = await readFile(known, 'utf8')
    await rm(join(home(), 'runtime'), { recursive: true, force: true })

    await writeFile(known, text.replaceAll(/sha512-..../g, 'sha512-AAAA'))
    const refused = await outcome(node(20), folder)
    await writeFile(known, JSON.stringify({ version: '24.21.0', packages: {} }))
    const absent = await outcome(node(20), folder)

    expect(refused.output).toContain('refused, nothing was run')
    expect(absent.output).toMatch(/^tidegate: .*Install Node 24 or newer.*\n$/)
    expect([refused.code, absent.code]).toEqual([1, 1])
    expect(refused.output + absent.output).not.toContain('ran on')
  })

  it('says in one line that its home cannot be written', async () => {
    const folder = await clone('homeless')
    await using running = await startProcess({
      command: node(20),
      args: ['server-kit/bootstrap.mjs', 'script.ts'],
      cwd: folder,
      env: { TIDEGATE_HOME: 'package.json' },
    })

    expect((await running.ended).code).toBe(1)
    expect(running.output()).toBe(
      `tidegate: ${join(folder, 'package.json/runtime')} cannot be made (ENOTDIR); set TIDEGATE_HOME to a folder that you may write\n`,
    )
  })

  it('hands signals down, and ends as the script ended', async () => {
    const folder = await clone('signals')

    await using orderly = await bootstrap(process.execPath, folder, 'stay', 'orderly')
    await orderly.waitFor(/ran on/)
    await using killed = await bootstrap(process.execPath, folder, 'stay')
    await killed.waitFor(/ran on/)

    expect(await orderly.stop('SIGTERM')).toEqual({ code: 5, signal: null })
    expect(await killed.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' })
  })
})
