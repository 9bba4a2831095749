import type { Metrics } from '#server-kit/metrics.ts'
import type { FixedYaml } from '../reload/fixed-config.ts'
import { type EventChannel, OwnChannel } from './event-channel.ts'
import { eventOutcomes, RedisEventChannel, type RedisEventChannelOptions } from './redis-event-channel.ts'

export interface OpenChannelOptions extends Omit<RedisEventChannelOptions, 'url' | 'site' | 'events'> {
  readonly yaml: Pick<FixedYaml, 'site' | 'cache'>
  readonly metrics: Metrics
}

/** What the processes of this site tell each other by, from configuration. */
export function openChannel(options: OpenChannelOptions): EventChannel {
  const { yaml, instance, stamps, clock, log, metrics } = options
  const { memory, events } = yaml.cache
  const url = events.redis
  if (url === undefined) return new OwnChannel({ alone: memory.alone })
  const channel = new RedisEventChannel({
    url,
    site: yaml.site,
    instance,
    stamps,
    clock,
    log,
    events: metrics.counter('tidegate_cache_events_total', 'Invalidations told and heard by this process.', {
      outcome: eventOutcomes,
    }),
  })
  metrics.gauge(
    'tidegate_cache_events_live',
    'Whether every invalidation by another process is heard here: 1, or 0 and the memory of this process is off.',
    {},
    (gauge) => gauge.set({}, channel.live ? 1 : 0),
  )
  return channel
}
