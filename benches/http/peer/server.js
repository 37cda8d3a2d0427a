// The same three routes as a good Fastify application has them. Prints its address and a token, and serves one process.
import jwt from '@fastify/jwt';
import Fastify from 'fastify';
import Redis from 'ioredis';
import pg from 'pg';

const [tenant] = process.argv.slice(2);
const redis = new Redis(process.env.PEER_REDIS_URL, { enableAutoPipelining: true });
const pool = new pg.Pool({ connectionString: process.env.PEER_DATABASE_URL, max: 16 });
const app = Fastify({ logger: false });
await app.register(jwt, { secret: 'the side by side comparison, and nothing else' });

const mayRead = async (request, reply) => {
  await request.jwtVerify();
  if (!request.user.permissions.includes('tenant.accounts.read')) {
    return reply.code(403).send({ success: false, error: { code: 'FORBIDDEN' } });
  }
};

const string = { type: 'string' };
const account = {
  type: 'object',
  properties: {
    tenantId: string, id: string, slug: string, name: string, type: string, status: string,
    email: { type: ['string', 'null'] }, version: { type: 'integer' }, createdAt: string, updatedAt: string,
  },
};
// With a schema Fastify writes JSON with code made for it.
const schema = {
  response: {
    200: {
      type: 'object',
      properties: {
        success: { type: 'boolean' },
        data: { type: 'object', properties: { items: { type: 'array', items: account } } },
      },
    },
  },
};

// A statement with a name is prepared once on each connection.
const newest = {
  name: 'newest',
  text: `SELECT tenant_id AS "tenantId", id, slug, name, account_type AS type, status, email, version::int,
                created_at AS "createdAt", updated_at AS "updatedAt"
         FROM accounts WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 20`,
};
const read = async (tenant) => ({ success: true, data: { items: (await pool.query({ ...newest, values: [tenant] })).rows } });

app.get('/noop', { preHandler: mayRead }, async () => ({ success: true }));
app.get('/uncached', { preHandler: mayRead, schema }, async (request) => read(request.user.tenant));
app.get('/cached', { preHandler: mayRead }, async (request, reply) => {
  const key = `accounts:${request.user.tenant}`;
  let body = await redis.get(key);
  if (body === null) {
    body = JSON.stringify(await read(request.user.tenant));
    await redis.set(key, body, 'EX', 300);
  }
  return reply.type('application/json').send(body);
});

const address = await app.listen({ host: '127.0.0.1', port: 0 });
const token = app.jwt.sign({ sub: 'bench', tenant, permissions: ['tenant.accounts.read', 'tenant.members.read'] });
console.log(JSON.stringify({ address, token }));
