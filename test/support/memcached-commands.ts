import { once } from 'node:events'
import { connect } from 'node:net'

/** What one Memcached was asked so far, as it counts itself: reads, writes, touches and deletes. */
export async function memcachedCommands(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  socket.write('stats\r\n')
  while (!text.includes('END\r\n')) await once(socket, 'data')
  socket.destroy()
  const counted = /^STAT (?:cmd_get|cmd_set|cmd_touch|cmd_meta|delete_hits|delete_misses) (\d+)/gm
  return Array.from(text.matchAll(counted), ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0)
}
