// SPDX-License-Identifier: MIT
#include "libfiona/dicom/prescan_source.h"

#include "libfiona/base/error.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

namespace fiona::dicom {

namespace {

// Headers are small and lie together: one read brings most of them, and a long value is jumped over.
constexpr std::size_t window_bytes = 32768;
// Below this size no ratio is suspicious: an empty image of black pixels deflates 1:1000.
constexpr std::uint64_t ratio_matters_from = std::uint64_t{16} << 20U;

std::uint64_t size_of(const StoredBytes& bytes)
{
    if (const auto* const memory = std::get_if<std::span<const std::byte>>(&bytes)) {
        return memory->size();
    }
    struct stat status {};
    if (::fstat(std::get<int>(bytes), &status) != 0) {
        throw os_error(errno, "stat the file");
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error{Fault::data, "no regular file"};
    }
    return static_cast<std::uint64_t>(status.st_size);
}

} // namespace

FileSource::FileSource(StoredBytes bytes, std::uint64_t start)
    : m_bytes{bytes}, m_size{size_of(bytes)}
{
    m_base = start;
}

std::size_t FileSource::read_at(std::uint64_t offset, std::span<std::byte> target) const
{
    if (const auto* const memory = std::get_if<std::span<const std::byte>>(&m_bytes)) {
        const auto rest = memory->subspan(std::min<std::size_t>(offset, memory->size()));
        const auto count = std::min(rest.size(), target.size());
        std::ranges::copy(rest.first(count), target.begin());
        return count;
    }
    for (;;) {
        const auto got = ::pread(std::get<int>(m_bytes), target.data(), target.size(),
                                 static_cast<off_t>(offset));
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            throw os_error(errno, "read the file");
        }
    }
}

void FileSource::refill()
{
    m_window.resize(window_bytes);
    m_base += m_at;
    std::copy(m_window.begin() + static_cast<std::ptrdiff_t>(m_at),
              m_window.begin() + static_cast<std::ptrdiff_t>(m_filled), m_window.begin());
    m_filled -= m_at;
    m_at = 0;
    while (m_filled < max_peek) {
        const auto got = read_at(m_base + m_filled, std::span{m_window}.subspan(m_filled));
        if (got == 0) {
            return;
        }
        m_filled += got;
    }
}

bool FileSource::skip(std::uint64_t count)
{
    if (count > m_size - std::min(position(), m_size)) {
        return false;
    }
    if (count <= m_filled - m_at) {
        m_at += count;
    } else {
        m_base = position() + count;
        m_at = 0;
        m_filled = 0;
    }
    return true;
}

struct InflateSource::Stream {
    z_stream z{};

    Stream()
    {
        // Negative window bits: a raw stream without zlib's own header (PS3.5 §A.5).
        if (::inflateInit2(&z, -MAX_WBITS) != Z_OK) {
            throw Error{Fault::internal, "cannot prepare to inflate"};
        }
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { ::inflateEnd(&z); }
};

InflateSource::InflateSource(StoredBytes bytes, std::uint64_t start, const PrescanLimits& limits)
    : m_file{bytes, start}, m_limits{limits}, m_start{start}, m_stream{std::make_unique<Stream>()}
{
    m_window.resize(window_bytes);
}

InflateSource::~InflateSource() = default;

void InflateSource::inflate_more()
{
    const auto input = m_file.peek(max_peek);
    auto& z = m_stream->z;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib's byte type
    z.next_in = reinterpret_cast<const Bytef*>(input.data());
    z.avail_in = static_cast<uInt>(input.size());
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib's byte type
    z.next_out = reinterpret_cast<Bytef*>(m_window.data() + m_filled);
    z.avail_out = static_cast<uInt>(m_window.size() - m_filled);
    const auto result = ::inflate(&z, Z_NO_FLUSH);
    m_filled = m_window.size() - z.avail_out;
    if (!m_file.skip(input.size() - z.avail_in)) {
        throw Error{Fault::data, "the file shrank while it was read"};
    }
    m_ended = result == Z_STREAM_END;
    if (!m_ended && (result != Z_OK || (input.empty() && z.avail_out != 0))) {
        throw Error{Fault::data, "deflated data set broken at byte {}", m_file.position()};
    }
    const auto produced = m_base + m_filled;
    const auto consumed = m_file.position() - m_start;
    if (produced > m_limits.max_inflated_bytes
        || (produced > ratio_matters_from && produced / m_limits.max_inflate_ratio > consumed)) {
        throw Error{Fault::data, "deflated data set grows beyond all measure at byte {}",
                    m_file.position()};
    }
}

void InflateSource::refill()
{
    m_base += m_at;
    std::copy(m_window.begin() + static_cast<std::ptrdiff_t>(m_at),
              m_window.begin() + static_cast<std::ptrdiff_t>(m_filled), m_window.begin());
    m_filled -= m_at;
    m_at = 0;
    while (m_filled < max_peek && !m_ended) {
        inflate_more();
    }
}

bool InflateSource::skip(std::uint64_t count)
{
    for (;;) {
        const auto here = std::min<std::uint64_t>(count, m_filled - m_at);
        m_at += here;
        count -= here;
        if (count == 0) {
            return true;
        }
        refill();
        if (m_filled == m_at) {
            return false;
        }
    }
}

void InflateSource::check_tail()
{
    // Some writers leave the trailer of gzip there: CRC and size, four bytes each, little endian.
    constexpr std::size_t trailer_bytes = 8;
    auto tail = m_file.peek(trailer_bytes + 2);
    const bool is_padded = tail.size() % 2 == 1 && tail.back() == std::byte{0};
    tail = tail.first(tail.size() - (is_padded ? 1U : 0U));
    std::uint32_t size = 0;
    for (std::size_t i = trailer_bytes; i > trailer_bytes / 2 && tail.size() == trailer_bytes;
         --i) {
        size = size << 8U | std::to_integer<std::uint32_t>(tail[i - 1]);
    }
    const bool is_padding = tail.empty();
    const bool is_trailer =
        tail.size() == trailer_bytes && size == static_cast<std::uint32_t>(position());
    if (!is_padding && !is_trailer) {
        throw Error{Fault::data, "bytes behind the deflated data set at byte {}",
                    m_file.position()};
    }
}

} // namespace fiona::dicom
