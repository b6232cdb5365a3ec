"""A slow line: `slow_line.py LISTEN_PORT HOST:PORT SECONDS ...` passes all on, so many seconds late each way.

Only Python's standard library.
"""

import asyncio
import contextlib
import sys


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        data = b"."
        while data:
            data = await reader.read(65536)
            waiting.put_nowait((loop.time() + seconds, data))

    reading = asyncio.create_task(read())
    try:
        while True:
            due_at, data = await waiting.get()
            await asyncio.sleep(due_at - loop.time())
            if not data:
                break
            writer.write(data)
            await writer.drain()
    finally:
        reading.cancel()
        writer.close()


async def listen(port: int, there: str, seconds: float) -> None:
    host, _, far_port = there.partition(":")

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        far_reader, far_writer = await asyncio.open_connection(host, int(far_port))
        with contextlib.suppress(OSError):
            await asyncio.gather(pass_on(reader, far_writer, seconds), pass_on(far_reader, writer, seconds))

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    await server.serve_forever()


async def main(words: list[str]) -> None:
    lines = [words[start : start + 3] for start in range(0, len(words), 3)]
    await asyncio.gather(*(listen(int(port), there, float(late)) for port, there, late in lines))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
