/** Every command with its arguments; what it does stands in `commands/`, loaded when it is run. */
import { Argument, Command, type CommanderError, Option } from 'commander'
import { problems } from './errors.ts'
import { root, version } from './root.ts'
import type { Session, Surroundings } from './session.ts'

type Work<Options> = (session: Session, args: readonly string[], options: Options) => Promise<void>
type LocalWork<Options> = (around: Surroundings, args: readonly string[], options: Options) => Promise<void>

export function buildCommands(around: Surroundings): Command {
  const program = new Command('tidegate')
    .description('Moves services from one site to another behind one unchanged host name.')
    .version(version)
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => around.out(text.trimEnd()),
      writeErr: (text) => around.tell(text.trimEnd()),
      // Thrown and told like every other failure: see `refuseWrongUsage`.
      outputError: () => undefined,
    })
    .enablePositionalOptions()
    .addHelpText('after', examples)

  const remote = (parent: Command, usage: string, description: string, address = '--url <url>'): Command =>
    parent
      .command(usage)
      .description(description)
      .addOption(output())
      .option(address, 'the control plane; default: TIDEGATE_URL, else the system that runs nearby')
      .option('--token <token>', 'default: TIDEGATE_TOKEN, else that of the system that runs nearby')
  const does = <Options>(load: () => Promise<Work<Options>>) =>
    async function (this: Command): Promise<void> {
      const options = this.opts()
      const address = this.options.some(({ long }) => long === '--control-plane') ? 'controlPlane' : 'url'
      const session = await openSession(around, options, options[address])
      await (await load())(session, this.args, options as Options)
    }
  const local = <Options>(load: () => Promise<LocalWork<Options>>) =>
    async function (this: Command): Promise<void> {
      await (await load())(around, this.args, this.opts() as Options)
    }

  const catalog = () => import('./commands/catalog.ts')
  remote(program, 'apply <dir>', 'make the YAML files below a folder the whole catalog')
    .option('--reason <text>', 'kept in the audit log')
    .option('--allow-shrink', 'the catalog loses many routes on purpose')
    .option('--if-none', 'only when no catalog was applied yet')
    .option('--dry-run', 'check it and tell what would change; change nothing')
    .action(does(async () => (await catalog()).apply))
  remote(program, 'diff <dir>', 'show what `apply` would change; exit code 1 when something would').action(
    does(async () => (await catalog()).diff),
  )

  remote(program, 'get <things>', 'list services, routes, tables, sites, units or gateways').action(
    does(async () => (await import('./commands/get.ts')).get),
  )

  const service = program.command('service').description('services of the catalog')
  // Here `--url` is the service's own.
  remote(service, 'add <name>', 'put a service of your own behind the gateways', '--control-plane <url>')
    .requiredOption('--url <url>', 'where it listens')
    .requiredOption('--path <pattern>', 'which paths are its own: /v1/hello/{name}, /files/**')
    .option('--site <site>', 'where it runs; default: the first site')
    .option('--team <team>', 'who owns it; default: the team with most services')
    .option('--public', 'callers need no token')
    .option('--replace', 'put it in the place of a service of this name, with all its routes')
    .option('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await import('./commands/service.ts')).add))

  const moves = () => import('./commands/flip.ts')
  remote(program, 'flip <unit>', 'set at once which site serves a service')
    .requiredOption('--to <site>', 'the site')
    .option('--percent <n>', 'share of clients that goes there, 0 to 100; default 100')
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await moves()).flip))
  remote(program, 'rollback <unit>', 'take the last change of a unit back')
    .option('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await moves()).rollback))
  remote(program, 'shadow <unit>', 'copy safe requests of a share of the clients to another site, unseen by them')
    .option('--to <site>', 'the site that gets the copies')
    .option('--percent <n>', 'share of the clients, above 0 and at most 100')
    .option('--max-in-flight <n>', 'copies at once, a gateway process or an isolate of the edge; default 100')
    .addOption(
      new Option('--at <who>', 'who copies: the gateway compares both answers, the edge only warms').choices([
        'gateway',
        'edge',
      ]),
    )
    .addOption(new Option('--off', 'end the copies').conflicts(['to', 'percent', 'maxInFlight', 'at']))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await import('./commands/shadow.ts')).shadow))
  remote(program, 'failover <unit>', 'send reads once more, to another site, when their own site gives no answer')
    .option('--to <site>', 'the other site')
    .addOption(new Option('--off', 'end it').conflicts('to'))
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await import('./commands/failover.ts')).failover))

  remote(program, 'explain <method> <url>', 'tell where a request would go, and why')
    .addOption(new Option('-H, --header <name: value>', 'a header of it; may be repeated').argParser(collect))
    .option('--country <country>', 'of the client, as an edge would find out: DE')
    .option('--site <site>', 'as a gateway process of this site decides it now')
    .action(does(async () => (await import('./commands/explain.ts')).explain))
  remote(program, 'status [unit]', 'show programs and tables, or one unit with its history').action(
    does(async () => (await import('./commands/status.ts')).status),
  )

  const lint = program.command('lint').description('what would fail later')
  const lints = () => import('./commands/lint.ts')
  remote(
    lint,
    'hops',
    'time-outs, keep-alive times and tries that do not fit each other; exit code 6 when some fail requests',
  )
    .option('--unit <unit>', 'of this unit alone')
    .action(does(async () => (await lints()).lintHops))
  remote(lint, 'paths', 'the strictest policy for odd paths that refuses nothing that clients really send')
    .option('--host <host>', 'of this host alone')
    .action(does(async () => (await lints()).lintPaths))
  remote(
    program.command('doctor').description('what is really so'),
    'hops',
    'ask each instance of each service how it treats an idle connection',
  )
    .option('--site <site>', 'from this site alone')
    .option('--watch <time>', 'how long an idle connection is watched, at most 20s; default 6s')
    .action(does(async () => (await import('./commands/doctor.ts')).doctorHops))

  const edge = program.command('edge').description('edges: what they run, what stands before them, and testers of them')
  const edges = () => import('./commands/edge.ts')
  const privateCa = ['--ca <file>', 'certificates to trust beside those of the system, PEM'] as const
  remote(edge, 'status', 'what each edge runs, and what it has done', '--control-plane <url>')
    .option('--url <url>', 'of this edge alone, which need not be configured: https://203.0.113.7')
    .option('--host <host>', 'the name by which it is asked; default: that of the URL')
    .option(...privateCa)
    .action(does(async () => (await edges()).status))
  remote(edge, 'force', 'a signed word by which the reads of one tester go to a site')
    .requiredOption('--site <site>', 'the site')
    .requiredOption('--for <time>', 'how long it is valid, at most 24h: 30m, 1h')
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await edges()).force))
  remote(
    edge,
    'doctor',
    'whether requests pass unchanged through all that stands before the gateways; exit code 1 when not',
    '--control-plane <url>',
  )
    .requiredOption('--host <host>', 'the name that clients use: api.example.com')
    .option('--url <url>', 'where that is asked; default: the edge of the system that runs nearby, else https://HOST')
    .addOption(new Option('--only <probe>', 'look at this alone; may be repeated').argParser(collect))
    .addOption(
      new Option('--origin <site=url>', 'an origin that only edges are to reach; may be repeated').argParser(collect),
    )
    .option('--slow', 'also what takes minutes: slow answers, idle connections')
    .option('--body <size>', 'size of the upload, up to 600MiB; default 2MiB')
    .option(...privateCa)
    .action(does(async () => (await import('./commands/edge-doctor.ts')).doctor))
  const versions = () => import('./commands/edge-versions.ts')
  remote(edge, 'versions', 'versions of the script on Cloudflare: what serves, and how it came there').action(
    does(async () => (await versions()).versions),
  )
  remote(edge, 'publish', 'publish the newest table to Cloudflare now, as a version of the script')
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await versions()).publish))
  remote(edge, 'rollback', 'deploy what there was before the newest publication')
    .requiredOption('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await versions()).rollback))

  const cache = program.command('cache').description('cached answers, at all sites')
  const caches = () => import('./commands/cache.ts')
  const repeated = (flags: string, description: string) => new Option(flags, description).argParser(collect)
  remote(cache, 'invalidate', 'make cached answers gone, or stale', '--control-plane <url>')
    .requiredOption('--service <service>', 'whose answers')
    .addOption(repeated('--url <url>', 'absolute, as clients write it; may be repeated, as all words'))
    .addOption(repeated('--prefix <prefix>', 'host and whole segments: api.example.com/v1/orders'))
    .addOption(repeated('--tag <tag>', 'of the route, Surrogate-Key or Cache-Tag'))
    .addOption(repeated('--group <group>', 'of Cache-Groups'))
    .addOption(repeated('--route <id>', 'as `tidegate get routes` tells it'))
    .option('--soft <time>', 'stale at once, and of use as such for so long: 60s')
    .option('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await caches()).invalidate))
  remote(cache, 'bump <service>', 'the same for every cached answer of a service')
    .option('--soft <time>', 'stale at once, and of use as such for so long: 60s')
    .option('--reason <text>', 'kept in the audit log')
    .action(does(async () => (await caches()).bump))
  const cacheState = () => import('./commands/cache-state.ts')
  const atSite = 'of this site alone'
  remote(cache, 'zones', 'the zones of each site, and what they are owed')
    .option('--site <site>', atSite)
    .action(does(async () => (await cacheState()).zones))
  remote(cache, 'debt', 'what each site has still to tell the others, and whom it does not hear')
    .option('--site <site>', atSite)
    .action(does(async () => (await cacheState()).debt))
  remote(cache, 'warmth <namespace>', 'of the keys that are hit at one site, how many the others have')
    .option('--site <site>', atSite)
    .action(does(async () => (await cacheState()).warmth))
  remote(cache, 'explain <key>', 'where a key lies, zone by zone, and what is there')
    .requiredOption('--namespace <namespace>', 'whose key')
    .option('--site <site>', atSite)
    .action(does(async () => (await cacheState()).explainKey))
  remote(cache, 'zone <zone> <state>', 'have a zone read (up), only written to (write-only), or begin empty (cold)')
    .requiredOption('--site <site>', 'whose zone')
    .action(does(async () => (await cacheState()).forceZone))
  remote(cache, 'abandon <place>', 'a gateway process of another site will not come back: wait for it no longer')
    .requiredOption('--site <site>', 'the site that waits')
    .requiredOption('--of <site>', 'the site of the process')
    .action(does(async () => (await cacheState()).abandon))

  const event = program.command('events').description('events of other programs that invalidate what is cached')
  const events = () => import('./commands/events.ts')
  remote(event, 'lag', 'how far each site is behind with them')
    .option('--site <site>', atSite)
    .action(does(async () => (await events()).lag))
  remote(event, 'dead', 'those that could not be applied, and why')
    .option('--site <site>', atSite)
    .action(does(async () => (await events()).dead))
  remote(event, 'retry <id>', 'put one of those back as a new event')
    .requiredOption('--site <site>', 'the site that has it')
    .action(does(async () => (await events()).retry))
  remote(event, 'replay', 'apply all events of some time once more')
    .requiredOption('--site <site>', 'the site that took them')
    .option('--since <time>', 'of the time from so long ago until now: 15m')
    .option('--from <time>', 'from then on: 2026-11-22T05:00:00Z')
    .option('--to <time>', 'until then; default: now')
    .action(does(async () => (await events()).replay))

  const token = program.command('token').description('tokens of people and pipelines')
  const tokens = () => import('./commands/token.ts')
  remote(token, 'create <name>', 'make one; it is shown once')
    .addOption(
      new Option(
        '--scope <scope>',
        'read, apply, flip (with read), purge, token, metrics or admin; may be repeated',
      ).argParser(collect),
    )
    .option('--expires-in <time>', 'as 30d or 12h; default 90d')
    .action(does(async () => (await tokens()).create))
  remote(token, 'ls', 'list them, without their secrets').action(does(async () => (await tokens()).list))
  remote(token, 'rm <id>', 'revoke one').action(does(async () => (await tokens()).remove))

  remote(program, 'console', 'print a new link that opens the console once')
    .alias('login')
    .action(does(async () => (await import('./commands/console.ts')).link))

  const keys = program.command('keys').description('keys by which the programs know one another')
  keys
    .command('init <dir>')
    .description('write each key file that the folder lacks; an existing one is never replaced')
    .addOption(output())
    .action(local(async () => (await import('./commands/keys.ts')).init))
  keys
    .command('ls <dir>')
    .description('list the keys of a folder with their ages, and the step that comes next; no secret')
    .addOption(output())
    .action(local(async () => (await import('./commands/keys.ts')).list))
  keys
    .command('rotate')
    .addArgument(new Argument('<dir>', 'the folder'))
    .addArgument(new Argument('<purpose>', 'whose key').choices(rotatedPurposes))
    .description('take one step towards a new key, with no refused request in between')
    .addOption(
      new Option('--step <step>', 'add: it verifies; use: it signs; retire: the old one is gone')
        .choices(['add', 'use', 'retire'])
        .makeOptionMandatory(),
    )
    .addOption(output())
    .action(local(async () => (await import('./commands/keys.ts')).rotate))

  program
    .command('setup <dir>')
    .description('write what each container of docker-compose.yml needs')
    .addOption(output())
    .option('--loopback', 'for programs that all run on this machine, without containers')
    .action(local(async () => (await import('./commands/setup.ts')).setup))

  program
    .command('local')
    .description('run the whole system on this machine; what `npm start` does')
    .option('--fresh', 'forget all state and begin anew')
    .option('--embedded', 'keep tokens and cache in the gateways, also where Redis and Memcached are installed')
    .option('--workers <n>', 'processes of the edge; default 1')
    .action(local(async () => (await import('./commands/local.ts')).local))
  program
    .command('stop')
    .description('end the system that runs on this machine, in order')
    .addOption(output())
    .action(local(async () => (await import('./commands/local.ts')).stop))

  for (const [name, what] of programs) {
    // `tidegate edge --config FILE` runs it, beside the other things that can be done to edges.
    const command = (name === 'edge' ? edge.command('run', { isDefault: true }) : program.command(name))
      .description(`run ${what} in the foreground`)
      .requiredOption('--config <file>', 'its configuration')
      .allowUnknownOption()
      .allowExcessArguments()
      .action(local(async () => (await import('./commands/run.ts')).runProgram(name)))
    if (name !== 'gateway') continue
    command
      .option('--workers <n>', 'processes on its listening sockets; default: as configured')
      .option('--supervised', 'a single process, too, can be replaced while it serves')
  }
  refuseWrongUsage(program, 'tidegate')
  return program
}

const examples = `
Examples:
  tidegate explain GET http://api.example.com/v1/orders/7
  tidegate flip orders --to cloud --percent 10 --reason "first tenth"
  tidegate rollback orders --reason "errors in checkout"
  tidegate service add hello --url http://127.0.0.1:8080 --path '/hello/**'

Exit codes: 0 ok, 1 failed (diff: differs), 2 usage or invalid input, 3 not found, 4 conflict or stale,
5 denied, 6 a gate refused, 7 timed out, 8 unreachable, 130 interrupted.`

const output = (): Option =>
  new Option('-o, --output <format>', 'table, or json for scripts').choices(['table', 'json'])

/** What a person may not leave out stands in the usage line, and that line is the fix of whatever was typed wrongly. */
function refuseWrongUsage(command: Command, path: string): void {
  const needed = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags)
  if (needed.length > 0) {
    const named = command.registeredArguments.map((argument) => `<${argument.name()}>`)
    command.usage([...named, ...needed, '[options]'].join(' '))
  }
  command.exitOverride((failure: CommanderError) => {
    // Help and version end this way, too, and are printed by now.
    if (failure.exitCode === 0 || failure.code === 'commander.help') throw failure
    const reason = failure.message
      .replace(/^error: /, '')
      .replace(/\n\(Did/, ' (did')
      .replace(/\.$/, '')
    throw problems['usage-wrong']({ reason, usage: `${path} ${command.usage()}`, cause: failure })
  })
  for (const part of command.commands) refuseWrongUsage(part, `${path} ${part.name()}`)
}

const programs = [
  ['gateway', "a site's gateway"],
  ['control-plane', 'the control plane'],
  ['edge', 'the edge, self-hosted'],
] as const

/** As `local/rotate-keys.ts` knows them, which is loaded only when it is needed. */
const rotatedPurposes = ['edge-gateway', 'gateway-gateway', 'control-gateway', 'edge-control', 'tables']

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value]

async function openSession(around: Surroundings, options: Record<string, unknown>, url: unknown): Promise<Session> {
  const [{ findSystem }, { connect }] = await Promise.all([import('./context.ts'), import('./connect.ts')])
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const said = { url: text(url), token: text(options['token']) }
  const { portBase, ...connection } = findSystem(said, around.env, around.folder, root)
  return {
    ...around,
    client: connect(connection),
    format: options['output'] === 'json' ? 'json' : 'table',
    ...(portBase === undefined ? {} : { portBase }),
  }
}
