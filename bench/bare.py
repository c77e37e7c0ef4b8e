"""The yardstick: the least a pass-through on aiohttp does, with none of our features.

``python -m bench.bare UPSTREAM_URL`` prints the port it listens on and forwards every POST.
"""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web


async def serve(upstream: str) -> None:
    """Forward requests to `upstream` until cancelled."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            headers = {
                "Content-Type": request.headers.get("Content-Type", "application/json"),
                "Authorization": "Bearer sk-bench",
            }
            url = upstream + request.path_qs
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                passed = {"Content-Type": answer.headers.get("Content-Type", "")}
                if "text/event-stream" not in passed["Content-Type"]:
                    content = await answer.read()
                    return web.Response(status=answer.status, body=content, headers=passed)
                response = web.StreamResponse(status=answer.status, headers=passed)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response

        app = web.Application(client_max_size=32 * 2**20)
        app.router.add_post("/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
