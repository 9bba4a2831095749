/** What can go wrong in any Node process of ours, whatever its purpose. */
import { defineProblems } from '#routes/problem.ts'

export const problems = defineProblems({
  'config-unreadable': {
    status: 500,
    meaning: 'The configuration file {file} cannot be read: {reason}.',
    fix: 'Name an existing file, readable by this user and at most {limitBytes} bytes long.',
  },
  'config-invalid': {
    status: 500,
    meaning: 'The configuration file {file} is refused whole:\n{faults}',
    fix: 'Mend every line named above; what ran before keeps running.',
  },
  'listen-refused': {
    status: 500,
    meaning: 'Nothing can listen on {address}: {reason}.',
    fix: 'Stop what listens there, or give this program another address.',
  },
  'secret-reference-invalid': {
    status: 500,
    meaning: 'A secret is written as a literal value, or its reference has an unknown form.',
    fix: 'Put it into a variable or a file, and write env:NAME or file:/path, in braces after a dollar sign.',
  },
  'secret-missing': {
    status: 500,
    meaning: 'The secret {reference} is not there: {reason}.',
    fix: 'Set the variable, or write the file with mode 0600, and start again.',
  },
  'secret-file-open': {
    status: 500,
    meaning: 'The secret file {path} has mode {mode}: others than its owner may read it.',
    fix: 'Run `chmod 600 {path}`, and replace the secret if others had access to this machine.',
  },
  'kept-file-unusable': {
    status: 500,
    meaning: 'The file {path} cannot be used: {reason}.',
    fix: 'Move the file away; a new one is written when there is something to keep.',
  },
  'metric-misdefined': {
    status: 500,
    meaning: 'The metric {metric} is misdefined: {reason}.',
    fix: 'Define each metric once, by a name that begins with tidegate_.',
  },
  'part-too-slow': {
    status: 503,
    meaning: 'The part {part} did not {verb} within {deadlineMs} ms.',
    fix: 'See the log lines of this part before this one; it waits for something that does not come.',
  },
  'part-out-of-turn': {
    status: 500,
    meaning: 'A process that is {state} cannot {verb}.',
    fix: 'Add all parts before the start, and start a process once.',
  },
  'stopped-while-starting': {
    status: 503,
    meaning: 'The process was told to stop before it had started ({reason}).',
    fix: 'Nothing is to be done; start it again.',
  },
  'request-invalid': {
    status: 400,
    meaning: 'The request is not valid: {reason}.',
    fix: 'Compare the part that `pointer` names with the description of this endpoint.',
  },
  'request-too-large': {
    status: 413,
    meaning: 'The body of the request is larger than this endpoint takes.',
    fix: 'Send less at once.',
  },
  'media-type-unsupported': {
    status: 415,
    meaning: 'This endpoint does not take a body of that content type.',
    fix: 'Send the content type that the description of this endpoint names.',
  },
  'endpoint-unknown': {
    status: 404,
    meaning: 'There is no endpoint {method} {path} on this listener.',
    fix: 'Check the method and the path, and that this is the right port.',
  },
  internal: {
    status: 500,
    meaning: 'Something unforeseen happened.',
    fix: 'Find the cause in the log under this request id, and report it.',
  },
})
