/** One instance of a service: it answers with its name. */
import { createServer } from 'node:http'

const [name = '', port = '0'] = process.argv.slice(2)

const server = createServer((request, response) => {
  request.resume().once('end', () => response.end(name))
})
server.listen(Number(port), '127.0.0.1', () => console.log('listening'))
