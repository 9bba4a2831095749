/** Real servers for one test, each on a free port with a folder of its own. */
import { writeFile } from 'node:fs/promises'
import { freePort } from './free-port.ts'
import { listens, type ProcessOptions, type RunningProcess, startProcess } from './process-runner.ts'
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts'

/** `await using` stops it and removes its folder. */
export interface TestServer extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:port` */
  readonly address: string
  readonly process: RunningProcess
  readonly folder: string
  stop(): Promise<void>
}

type Command = (
  port: number,
  folder: TemporaryFolder,
) => Omit<ProcessOptions, 'ready'> | Promise<Omit<ProcessOptions, 'ready'>>

/** Redis without persistence; `args` are added, as `['--requirepass', 'x']`; `port` is for one that comes back after it died. */
export function startRedis(args: readonly string[] = [], port?: number): Promise<TestServer> {
  return startServer(
    (ownPort, folder) => ({
      command: 'redis-server',
      args: [
        '--port',
        `${ownPort}`,
        '--bind',
        '127.0.0.1',
        '--dir',
        folder.path,
        '--save',
        '',
        '--appendonly',
        'no',
        ...args,
      ],
    }),
    port,
  )
}

/** Memcached with 64 MiB, TCP only. */
export function startMemcached(args: readonly string[] = [], port?: number): Promise<TestServer> {
  // It refuses to run as root without being told whom to be.
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
  return startServer(
    (ownPort) => ({
      command: 'memcached',
      args: ['-p', `${ownPort}`, '-U', '0', '-l', '127.0.0.1', '-m', '64', ...user, ...args],
    }),
    port,
  )
}

/** nginx with `http` inside its http block; it listens on the port that `http` is given. */
export function startNginx(http: (port: number, folder: string) => string): Promise<TestServer> {
  return startServer(async (port, folder) => {
    const configuration = `
      daemon off; master_process off; worker_processes 1; pid ${folder.file('pid')}; error_log stderr warn;
      events { worker_connections 1024; }
      http {
        access_log off; client_body_temp_path ${folder.file('body')}; proxy_temp_path ${folder.file('proxy')};
        fastcgi_temp_path ${folder.file('f')}; uwsgi_temp_path ${folder.file('u')}; scgi_temp_path ${folder.file('s')};
        ${http(port, folder.path)}
      }`
    await writeFile(folder.file('nginx.conf'), configuration)
    return { command: 'nginx', args: ['-p', folder.path, '-c', folder.file('nginx.conf')] }
  })
}

/** Varnish with 64 MiB of memory, and a configuration (`vcl 4.1;` stands before it); `args` are added. */
export function startVarnish(vcl: string, args: readonly string[] = []): Promise<TestServer> {
  return startServer(async (port, folder) => {
    await writeFile(folder.file('front.vcl'), `vcl 4.1;\n${vcl}`)
    const storage = ['-s', 'malloc,64m', '-n', folder.file('work'), '-j', 'none']
    const listen = ['-F', '-f', folder.file('front.vcl'), '-a', `127.0.0.1:${port}`]
    return { command: 'varnishd', args: [...listen, ...storage, ...args] }
  })
}

/** Somebody else may take a free port in the moment before our server does: then another one is tried. */
async function startServer(command: Command, wantedPort?: number): Promise<TestServer> {
  for (let attempt = 1; ; attempt++) {
    const port = wantedPort ?? (await freePort())
    const folder = await temporaryFolder()
    try {
      const running = await startProcess({ ...(await command(port, folder)), ready: () => listens(port) })
      const stop = async (): Promise<void> => {
        await running.stop()
        await folder[Symbol.asyncDispose]()
      }
      const address = `127.0.0.1:${port}`
      return { port, address, process: running, folder: folder.path, stop, [Symbol.asyncDispose]: stop }
    } catch (cause) {
      await folder[Symbol.asyncDispose]()
      if (attempt === 3 || wantedPort !== undefined) throw cause
    }
  }
}
