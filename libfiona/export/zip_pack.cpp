// SPDX-License-Identifier: MIT
#include "libfiona/export/zip_pack.h"

#include "libfiona/base/error.h"
#include "libfiona/export/zip_cipher.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace fiona::exports::zip {

namespace {

constexpr int level = 1;

void append_from_file(std::string& bytes, const Content& content, std::uint64_t from,
                      std::size_t count)
{
    const UniqueFd fd{::open(content.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) {
        throw os_error(errno, "open an object to pack");
    }
    auto filled = bytes.size();
    const auto end = filled + count;
    bytes.resize(end);
    while (filled < end) {
        const auto got = ::pread(fd.get(), bytes.data() + filled, end - filled,
                                 static_cast<off_t>(content.offset + from));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            throw os_error(got == 0 ? EIO : errno, "read an object to pack");
        }
        const auto read = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
        filled += read;
        from += read;
    }
}

/// The bytes [from, from + count) of head and file together.
std::string bytes_of(const Content& content, std::uint64_t from, std::uint64_t count)
{
    std::string bytes;
    bytes.reserve(count);
    const std::uint64_t head = content.head.size();
    if (from < head) {
        bytes = content.head.substr(from, count);
    }
    if (bytes.size() < count) {
        const auto in_file = std::max(from, head) - head;
        append_from_file(bytes, content, in_file, count - bytes.size());
    }
    return bytes;
}

std::uint32_t crc_of(std::string_view bytes)
{
    return ::libdeflate_crc32(0, bytes.data(), bytes.size());
}

/// Nothing if that would not be smaller.
std::optional<std::string> deflated(std::string_view bytes)
{
    thread_local const std::unique_ptr<libdeflate_compressor,
                                       decltype(&::libdeflate_free_compressor)>
        compressor{::libdeflate_alloc_compressor(level), &::libdeflate_free_compressor};
    if (compressor == nullptr || bytes.empty()) {
        return std::nullopt;
    }
    std::string out(bytes.size(), '\0'); // no room for what is larger
    const auto made = ::libdeflate_deflate_compress(compressor.get(), bytes.data(), bytes.size(),
                                                    out.data(), out.size());
    if (made == 0) {
        return std::nullopt;
    }
    out.resize(made);
    return out;
}

std::string deflated_unit(std::string_view bytes, int flush)
{
    z_stream stream{};
    if (::deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY)
        != Z_OK) {
        throw Error{Fault::internal, "zlib cannot start"};
    }
    const std::unique_ptr<z_stream, decltype(&::deflateEnd)> owner{&stream, &::deflateEnd};
    constexpr std::size_t flush_room = 64;
    std::string out(::deflateBound(&stream, bytes.size()) + flush_room, '\0');
    std::string input{bytes};
    // NOLINTNEXTLINE(*-reinterpret-cast) C interface
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    // NOLINTNEXTLINE(*-reinterpret-cast) C interface
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const auto state = ::deflate(&stream, flush);
    if (state != (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || stream.avail_in != 0) {
        throw Error{Fault::internal, "zlib does not keep its bounds"};
    }
    out.resize(stream.total_out);
    return out;
}

} // namespace

std::uint64_t size_of(const Content& content)
{
    return content.head.size() + content.count;
}

Method method_for(const Content& content, const Settings& settings)
{
    return settings.compression == Compression::deflate && content.kind == Content::Kind::plain
               ? Method::deflated
               : Method::stored;
}

std::uint32_t combined_crc(std::uint32_t first, std::uint32_t second, std::uint64_t bytes)
{
    return static_cast<std::uint32_t>(::crc32_combine(first, second, static_cast<z_off_t>(bytes)));
}

Packed pack(Content content, const Settings& settings)
{
    Packed packed;
    packed.entry.name = content.name;
    packed.entry.bytes = size_of(content);
    if (packed.entry.bytes > unit_bytes) {
        packed.large = std::move(content);
        return packed;
    }
    packed.bytes = bytes_of(content, 0, packed.entry.bytes);
    packed.entry.crc = crc_of(packed.bytes);
    if (method_for(content, settings) == Method::deflated) {
        if (auto smaller = deflated(packed.bytes)) {
            packed.bytes = std::move(*smaller);
            packed.entry.method = Method::deflated;
        }
    }
    if (settings.password) {
        Cipher cipher{*settings.password};
        packed.entry.protection = Protection::aes;
        cipher.encrypt(packed.bytes);
        packed.bytes.insert(0, cipher.prefix());
        packed.bytes += cipher.checksum();
    }
    packed.entry.packed_bytes = packed.bytes.size();
    return packed;
}

Unit pack_unit(const Content& content, std::uint64_t from, Method method)
{
    Unit unit;
    const auto all = size_of(content);
    unit.plain = std::min(unit_bytes, all - from);
    unit.bytes = bytes_of(content, from, unit.plain);
    unit.crc = crc_of(unit.bytes);
    if (method == Method::deflated) {
        unit.bytes = deflated_unit(unit.bytes, from + unit.plain == all ? Z_FINISH : Z_SYNC_FLUSH);
    }
    return unit;
}

} // namespace fiona::exports::zip
