/** What can go wrong at the terminal: in commands, and in running a whole system on one machine. */
import { defineProblems } from '#routes/problem.ts'

export const problems = defineProblems({
  'usage-wrong': {
    status: 400,
    meaning: '{reason}.',
    fix: '{usage}',
  },
  'system-not-found': {
    status: 503,
    meaning: 'No running Tidegate is known here: no --url, no TIDEGATE_URL, {looked}.',
    fix: 'Start one with `npm start`, or name one: --url https://... with its token in TIDEGATE_TOKEN.',
  },
  'system-token-missing': {
    status: 401,
    meaning: 'There is no token for {url}.',
    fix: 'Set TIDEGATE_TOKEN or give --token; `tidegate token create` makes one.',
  },
  'token-file-open': {
    status: 403,
    meaning: '{file} holds tokens and has mode {mode}: others than its owner may read it.',
    fix: 'Run `chmod 600 {file}`; if others had access to this machine, begin anew with `npm start -- --fresh`.',
  },
  'service-known': {
    status: 409,
    meaning: 'There is a service {service} already, of {team}, with {routes}.',
    fix: 'Take another name, edit its file in the catalog and apply that, or replace all of it by --replace.',
  },
  'answer-malformed': {
    status: 502,
    meaning: 'What answered is not a control plane: it sent {type} instead of JSON.',
    fix: 'Check the address, and that no other program or proxy answers there.',
  },
  'catalog-folder-unusable': {
    status: 400,
    meaning: 'The folder {folder} cannot be read as a catalog: {reason}.',
    fix: 'Name the folder that holds sites.yaml, teams.yaml and services/*.yaml; `routes/example` is one.',
  },
  'catalog-unreadable': {
    status: 500,
    meaning: 'The catalog in force has {count} faults by the rules of this release.',
    fix: 'Run `tidegate diff DIR` on its files: it names each fault with its line.',
  },
  'ports-taken': {
    status: 503,
    meaning: 'No free ports from {wanted} upwards: port {port} is taken, and so is one at each later base.',
    fix: 'Stop what listens there, or set TIDEGATE_PORT_BASE to another base.',
  },
  'port-base-invalid': {
    status: 400,
    meaning: 'TIDEGATE_PORT_BASE={text} is not a port from 1024 to {lastBase}.',
    fix: 'Set it to a whole number in that range, or leave it out for 17000.',
  },
  'already-running': {
    status: 409,
    meaning: 'A system already runs from {home} (process {pid}).',
    fix: 'Use it: {urls}. Or stop it: Ctrl-C where it was started, or `kill {pid}`.',
  },
  'home-unusable': {
    status: 500,
    meaning: '{path} cannot be used: {reason}.',
    fix: 'Make it writable for this user, or set TIDEGATE_HOME to a folder that is.',
  },
  'edge-silent': {
    status: 502,
    meaning: 'Nothing at {url} answered a signed call for the status of an edge.',
    fix: 'Name the address of an edge; `tidegate edge doctor --host HOST --url {url} --only table` tells more.',
  },
  'key-folder-unusable': {
    status: 422,
    meaning: 'The keys in {path} cannot be used: {reason}.',
    fix: 'Name the folder that `tidegate keys init` wrote, or put the file back from where it is kept.',
  },
  'rotation-refused': {
    status: 409,
    meaning: 'The keys for {purpose} stay as they are: {reason}.',
    fix: 'See `tidegate keys ls DIR`. Each step needs that all programs have read the file of the step before it.',
  },
  'redis-unreachable': {
    status: 503,
    meaning: "The Redis at {url}, where the demo's token is kept, does not answer: {reason}.",
    fix: 'Start it first; in docker-compose.yml it is redis-onprem.',
  },
  'program-not-ready': {
    status: 503,
    meaning: '{name} is not ready: {reason}. Its last lines ({log}):\n{lines}',
    fix: 'Mend what the lines name and start again; `npm start -- --fresh` begins with an empty state.',
  },
  'not-running': {
    status: 404,
    meaning: 'No system runs from {home}.',
    fix: 'Start one with `npm start`.',
  },
  'stop-too-slow': {
    status: 504,
    meaning: 'Process {pid} was told to stop and still runs after {seconds} s.',
    fix: 'Look at its terminal; `kill -9 {pid}` ends it, and the next start ends what it leaves behind.',
  },
})
