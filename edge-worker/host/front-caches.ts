/**
 * What is wrong with a configuration of the worker whose platform would answer before the worker runs: on a hit there would be
 * no decision for a site, no fence and no sign of adoption, and a flip would look complete while old answers go on. `given`:
 * further arguments of the deployment.
 */
export function frontCaches(configuration: unknown, given: readonly string[]): string[] {
  const { cache, env } = groupOf(configuration)
  const places: [string, unknown][] = [['cache', cache]]
  for (const [name, environment] of Object.entries(groupOf(env)))
    places.push([`env.${name}.cache`, groupOf(environment)['cache']])
  const found = places
    .filter(([, value]) => groupOf(value)['enabled'] !== undefined && groupOf(value)['enabled'] !== false)
    .map(([place]) => `${place}.enabled in wrangler.jsonc puts a cache in front of the worker; take it out`)
  // Another file would be deployed than the one that was looked at.
  if (given.some((argument) => /^(--config|-c)(=|$)/.test(argument)))
    found.push('--config names another configuration; change edge-worker/wrangler.jsonc instead')
  return found
}

function groupOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
