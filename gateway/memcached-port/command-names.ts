/** Every word that the port knows: the closed set of a metric's label. */
export const commandNames = [
  'get',
  'gets',
  'gat',
  'gats',
  'set',
  'add',
  'replace',
  'append',
  'prepend',
  'cas',
  'touch',
  'incr',
  'decr',
  'delete',
  'version',
  'verbosity',
  'quit',
  'flush_all',
  'stats',
  'mg',
  'ms',
  'md',
  'ma',
  'mn',
  'me',
  'auth',
  'refused',
  'unknown',
] as const

export type CommandName = (typeof commandNames)[number]

/** Commands of a server's own memory and threads, which are nobody's here. */
export const refusedCommands: ReadonlySet<string> = new Set([
  'slabs',
  'lru',
  'lru_crawler',
  'watch',
  'cache_memlimit',
  'shutdown',
  'extstore',
  'refresh_certs',
  'debugtime',
])
