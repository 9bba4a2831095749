import type { EdgeConfig } from './config.ts'

/** What a running edge cannot change, by the key of `edge.yaml`: its sockets, its folder and its slots are made from it. */
function fixedOf({ listen, workers, home, admin, drainMs, logLevel }: EdgeConfig) {
  return { listen, workers, home, admin: admin?.listen, drain: drainMs, 'log.level': logLevel }
}

/** The keys of them in which two configurations differ. */
export function changedFixedKeys(before: EdgeConfig, after: EdgeConfig): string[] {
  const [old, now] = [fixedOf(before), fixedOf(after)]
  const names = Object.keys(old) as (keyof typeof old)[]
  return names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
}
