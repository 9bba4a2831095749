/** docker-compose.yml and Dockerfile: their shape, and that what they run works together. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Type from 'typebox'
import { Errors } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { choosePorts, isFree } from '../../control-plane/cli/local/ports.ts'
import { root } from '../../control-plane/cli/root.ts'
import { composePorts, dependenciesOf, LocalCompose, readCompose, readDockerfile } from '../support/compose.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const closed = { additionalProperties: false } as const
const Words = Type.Array(Type.String(), { minItems: 1 })
const Time = Type.String({ pattern: '^\\d+(ms|s|m|h)$' })
const condition = Type.Enum(['service_started', 'service_healthy', 'service_completed_successfully'])

/** What we use of the compose specification; a misspelt key is a key of ours that nothing would read. */
const Compose = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9_-]*$' }),
    services: Type.Record(
      Type.String({ pattern: '^[a-z0-9][a-z0-9-]*$' }),
      Type.Object(
        {
          // An exact version; `latest` would be another program tomorrow.
          image: Type.String({ pattern: '^([a-z0-9./-]+:v?\\d+\\.\\d+(\\.\\d+)?(-[a-z0-9.]+)?|tidegate:local)$' }),
          build: Type.Optional(Type.Literal('.')),
          entrypoint: Type.Optional(Words),
          command: Type.Optional(Words),
          environment: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Z][A-Z0-9_]*$' }), Type.String())),
          user: Type.Optional(Type.String({ pattern: '^\\d+:\\d+$' })),
          init: Type.Optional(Type.Boolean()),
          restart: Type.Optional(Type.Enum(['no', 'always', 'on-failure', 'unless-stopped'])),
          read_only: Type.Optional(Type.Boolean()),
          tmpfs: Type.Optional(Words),
          cap_drop: Type.Optional(Words),
          security_opt: Type.Optional(Words),
          stop_grace_period: Type.Optional(Time),
          // To this machine only: nothing of it is for the network around.
          ports: Type.Optional(Type.Array(Type.String({ pattern: '^127\\.0\\.0\\.1:\\d+:\\d+$' }))),
          volumes: Type.Optional(Type.Array(Type.String({ pattern: '^(\\./)?[a-z][\\w./-]*:/[\\w./-]+(:ro)?$' }))),
          depends_on: Type.Optional(
            Type.Union([Words, Type.Record(Type.String(), Type.Object({ condition }, closed))]),
          ),
          profiles: Type.Optional(Words),
          healthcheck: Type.Optional(
            Type.Union([
              Type.Object({ disable: Type.Literal(true) }, closed),
              Type.Object(
                { test: Words, interval: Time, timeout: Time, retries: Type.Integer({ minimum: 1 }) },
                closed,
              ),
            ]),
          ),
        },
        closed,
      ),
    ),
    volumes: Type.Record(Type.String(), Type.Null()),
  },
  { additionalProperties: false, patternProperties: { '^x-': Type.Unknown() } },
)

const shapeFaults = (file: unknown): unknown[] => [...Errors(Compose, file)]

describe('docker-compose.yml', () => {
  it('has the shape of a compose file', async () => {
    expect(shapeFaults(await readCompose())).toEqual([])
  })

  it('would be refused with a key that compose does not know, or an image of no version', async () => {
    const { services, ...file } = await readCompose()
    const edge = services['edge'] ?? expect.fail('there is no edge')

    expect(shapeFaults({ ...file, services: { edge: { ...edge, depend_on: [] } } })).not.toEqual([])
    expect(shapeFaults({ ...file, services: { edge: { ...edge, image: 'redis:latest' } } })).not.toEqual([])
    expect(shapeFaults({ ...file, services: { edge: { ...edge, ports: ['17080:17080'] } } })).not.toEqual([])
  })

  it('names only services, volumes and files that exist', async () => {
    const { services, volumes } = await readCompose()
    const mounts = Object.values(services).flatMap(({ volumes: mounted }) => mounted ?? [])

    for (const needed of Object.values(services).flatMap(dependenciesOf)) expect(services).toHaveProperty([needed])
    for (const [source = ''] of mounts.map((mount) => mount.split(':'))) {
      if (source.startsWith('./')) await stat(join(root, source))
      else expect(volumes).toHaveProperty([source])
    }
  })

  it('gives each program its own volume, and the one with all keys to setup and command line alone', async () => {
    const { services } = await readCompose()
    const whoMounts = (volume: string) =>
      Object.entries(services)
        .filter(([, { volumes }]) => volumes?.some((mount) => mount.startsWith(`${volume}:`)))
        .map(([name]) => name)

    expect(whoMounts('private')).toEqual(['setup', 'catalog', 'tidegate'])
    for (const name of ['control-plane', 'edge', 'gateway-onprem', 'gateway-cloud', 'monolith']) {
      expect(whoMounts(name)).toEqual(['setup', name])
    }
  })

  it('runs: a token through the edge is answered by onprem, and after a flip by the cloud', {
    timeout: 180_000,
  }, async () => {
    await using folder = await temporaryFolder()
    const { base } = (await choosePorts(26_000, isFree)).ports
    await using compose = await LocalCompose.open(folder.path, base)

    for (const name of ['services-onprem', 'services-cloud', 'edge', 'monolith']) await compose.up(name)
    const { token } = JSON.parse(await readFile(folder.file('private/demo.json'), 'utf8'))
    const ask = () =>
      fetch(`http://127.0.0.1:${composePorts(base).edge}/v1/orders`, { headers: { authorization: `Bearer ${token}` } })

    const first = await ask()
    expect([first.status, ((await first.json()) as { site: string }).site]).toEqual([200, 'onprem'])
    const flip = await compose.run('tidegate', 'flip', 'orders', '--to', 'cloud', '--reason', 'a test')
    expect(flip.text).toContain('Acknowledged by 2 gateways')
    await expect.poll(async () => ((await (await ask()).json()) as { site: string }).site).toBe('cloud')

    // Everything of ours has run, and every key is only where it is needed.
    const { services } = await readCompose()
    const ours = Object.entries(services).filter(([, { build, profiles }]) => build !== undefined && !profiles)
    expect(compose.running).toEqual(expect.arrayContaining(ours.map(([name]) => name)))
    expect(await readdir(folder.file('edge/keys'))).not.toContain('tables.json')
    expect((await stat(folder.file('control-plane/keys/tables.json'))).mode & 0o777).toBe(0o600)
  })
})

describe('Dockerfile', () => {
  const stageOf = (stages: { name: string; value: string }[], alias: string) => {
    const from = stages.findIndex(({ name, value }) => name === 'FROM' && value.endsWith(` AS ${alias}`))
    const next = stages.findIndex(({ name }, index) => name === 'FROM' && index > from)
    return stages.slice(from, next < 0 ? undefined : next)
  }

  it('starts from one exact version of Node', async () => {
    const instructions = await readDockerfile()
    const [argument] = instructions
    const version = (await readFile(join(root, '.node-version'), 'utf8')).trim()

    expect(argument).toEqual({ name: 'ARG', value: `NODE=node:${version}-bookworm-slim` })
    const bases = instructions.filter(({ name }) => name === 'FROM').map(({ value }) => value.split(' ')[0])
    expect(new Set(bases)).toEqual(new Set(['${NODE}']))
  })

  it('installs packages before it copies sources, so that a change of code costs no download', async () => {
    for (const alias of ['build', 'packages']) {
      const names = stageOf(await readDockerfile(), alias).map(({ name, value }) => `${name} ${value}`)
      const install = names.findIndex((line) => line.startsWith('RUN npm ci'))
      expect(install).toBeGreaterThan(names.findIndex((line) => line.startsWith('COPY package.json')))
      expect(names.slice(0, install).filter((line) => line.startsWith('COPY'))).toHaveLength(1)
    }
  })

  it('runs as an ordinary user, without development packages, and says how it is', async () => {
    const run = stageOf(await readDockerfile(), 'run')
    const values = (name: string) => run.filter((instruction) => instruction.name === name).map(({ value }) => value)

    expect(values('USER')).toEqual(['node'])
    expect(values('COPY')).toContain('--from=packages /tidegate/node_modules node_modules')
    expect(values('HEALTHCHECK')).toHaveLength(1)
    expect(values('ENV').join()).toContain('/health/live')
    expect(run.findIndex(({ name }) => name === 'USER')).toBeLessThan(
      run.findIndex(({ name }) => name === 'ENTRYPOINT'),
    )
  })

  it('copies every room that a program needs', async () => {
    const copied = stageOf(await readDockerfile(), 'run').filter(({ name }) => name === 'COPY')

    for (const room of ['routes', 'server-kit', 'gateway', 'edge-worker', 'control-plane']) {
      expect(copied.map(({ value }) => value)).toContain(`${room} ${room}`)
    }
  })

  it('leaves state, secrets and tests outside', async () => {
    const ignored = (await readFile(join(root, '.dockerignore'), 'utf8')).split('\n')

    expect(ignored).toEqual(expect.arrayContaining(['.git', '.tidegate', '**/node_modules', '.env*', 'test']))
  })
})
