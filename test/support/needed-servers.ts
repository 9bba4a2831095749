/** The servers and clients that tests run for themselves, and how they come onto a Debian machine. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

interface NeededServer {
  /** By name; or, of what has no command, one of its files with its whole path. */
  readonly command: string
  readonly debianPackage: string
}

export const neededServers: readonly NeededServer[] = [
  { command: 'redis-server', debianPackage: 'redis-server' },
  { command: 'memcached', debianPackage: 'memcached' },
  { command: 'nginx', debianPackage: 'nginx' },
  { command: 'haproxy', debianPackage: 'haproxy' },
  { command: 'caddy', debianPackage: 'caddy' },
  { command: 'varnishd', debianPackage: 'varnish' },
  { command: 'openssl', debianPackage: 'openssl' },
  { command: 'memccat', debianPackage: 'libmemcached-tools' },
  { command: '/usr/lib/python3/dist-packages/pymemcache/__init__.py', debianPackage: 'python3-pymemcache' },
  { command: 'chromium', debianPackage: 'chromium' },
]

/** Debian asks this script whether a fresh package may start its service; 101 is no. */
const policy = '/usr/sbin/policy-rc.d'

/** True when all are there, at last. What cannot be installed from here is told as a line to paste. */
export function installNeededServers(say: (line: string) => void): boolean {
  const missing = missingServers()
  if (missing.length === 0) return true
  const packages = missing.map(({ debianPackage }) => debianPackage).join(' ')
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !existsSync('/etc/debian_version')) {
    say(`missing for the tests; paste: sudo apt-get install --no-install-recommends ${packages}`)
    return false
  }
  say(`installing ${packages}; no service is started`)
  withoutServices(() => {
    apt(['update', '-qq'])
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages.split(' ')])
  })
  const still = missingServers().map(({ command }) => command)
  if (still.length > 0) say(`still missing: ${still.join(', ')}; see apt-get's lines above`)
  return still.length === 0
}

function missingServers(): NeededServer[] {
  // Servers stand in sbin, which is not in every user's PATH.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`
  return neededServers.filter(({ command }) => !(command.startsWith('/') ? existsSync(command) : isInPath(command)))
}

function isInPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      // Not in this folder: the next one is asked.
      return false
    }
  })
}

function withoutServices(install: () => void): void {
  // Containers often bring such a script of their own: then it stays.
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (ours) rmSync(policy)
  }
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', args, { stdio: ['ignore', 'inherit', 'inherit'], env, timeout: 10 * 60_000 })
}
