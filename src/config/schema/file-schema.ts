import { section, size, text } from './schema-parts.ts'

/** `session.file`: where on this machine. */
export const fileSchema = section(
  {
    path: text('line', {
      example: '/var/lib/bearergate',
      description:
        'Absolute path of a directory for the session file alone, on a disk of this machine (not NFS); made when missing, readable by its owner only. ' +
        'In a container it must be a volume, else sessions end with the container. What is in it is sealed: a stolen copy opens nothing.',
      whenMissing: 'name a directory, such as /var/lib/bearergate',
    }),
    maxSize: size({
      default: '1GiB',
      atLeast: '1MiB',
      atMost: '1024GiB',
      description:
        'Room for sessions. Default 1GiB: some 200000 with tokens of 4 KiB. When full, new logins are answered 503 until others end; nobody is ' +
        'signed out. The file itself may be a little larger and never shrinks. Too small refuses logins; larger than the disk, and the disk decides.',
    }),
  },
  {
    exampleOff: true,
    description:
      'For store: file. Whatever was answered survives a restart and SIGKILL; a power failure may lose the last moments. docs/sessions.md.',
  },
)
