// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_part.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

// Made from a random UUID (PS3.5 §B.2): it names this implementation and nobody else's.
constexpr std::string_view implementation_class = "2.25.24037351625423458251387166917135736810";
constexpr std::string_view implementation_version = "FIONA_" FIONA_VERSION;
static_assert(implementation_version.size() <= 16, "PS3.7 §D.3.3.2.3");

void append_number(std::string& target, std::uint32_t value, std::size_t bytes)
{
    for (std::size_t i = 0; i < bytes; ++i) {
        target += static_cast<char>(value >> (8 * i) & 0xffU);
    }
}

/// An element of group 0002, explicit VR little endian, padded to even length.
void append_element(std::string& target, std::uint16_t element, std::string_view vr,
                    std::string_view value)
{
    const auto length = static_cast<std::uint32_t>(value.size() + value.size() % 2);
    append_number(target, 0x0002, 2);
    append_number(target, element, 2);
    target += vr;
    if (vr == "OB" || vr == "UR") { // PS3.5 §7.1.2: two reserved bytes, four of length
        append_number(target, 0, 2);
        append_number(target, length, 4);
    } else {
        append_number(target, length, 2);
    }
    target += value;
    if (value.size() % 2 != 0) {
        target += vr == "UI" || vr == "OB" ? '\0' : ' ';
    }
}

/// O_DIRECT where the file system has it.
UniqueFd create_new(const fs::path& name, bool& is_direct)
{
    constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd fd{::open(name.c_str(), flags | O_DIRECT, 0640)};
    is_direct = static_cast<bool>(fd);
    if (!fd && errno == EINVAL) { // some file systems have made the name by now
        ::unlink(name.c_str());
        fd = UniqueFd{::open(name.c_str(), flags, 0640)};
    }
    return fd;
}

UniqueFd create(const fs::path& directory, fs::path& name, bool& is_direct)
{
    static std::atomic<unsigned> counter{0};
    constexpr int tries = 1000; // a dead process of our pid may have left some
    for (int i = 0; i < tries; ++i) {
        name = directory / fmt::format("{}.{}.part", ::getpid(), counter++);
        auto fd = create_new(name, is_direct);
        if (fd || errno != EEXIST) {
            return fd;
        }
    }
    return UniqueFd{};
}

} // namespace

std::string printable(std::string_view title)
{
    std::string text{title};
    std::ranges::replace_if(
        text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return text;
}

std::string file_meta(const ObjectClaim& claim, const ReceiverPeer& peer)
{
    constexpr std::size_t preamble_bytes = 128;
    std::string group;
    append_element(group, 0x0001, "OB", std::string_view{"\0\1", 2});
    append_element(group, 0x0002, "UI", claim.sop_class);
    append_element(group, 0x0003, "UI", claim.sop_instance);
    append_element(group, 0x0010, "UI", claim.transfer_syntax);
    append_element(group, 0x0012, "UI", implementation_class);
    append_element(group, 0x0013, "SH", implementation_version);
    append_element(group, 0x0016, "AE", peer.caller);
    append_element(group, 0x0017, "AE", peer.caller);
    append_element(group, 0x0018, "AE", peer.called);
    append_element(group, 0x0027, "UR", "dicom://" + peer.address);

    std::string meta(preamble_bytes, '\0');
    meta += "DICM";
    std::string length;
    append_number(length, static_cast<std::uint32_t>(group.size()), 4);
    append_element(meta, 0x0000, "UL", length);
    return meta + group;
}

WriteBuffer::WriteBuffer(std::size_t size)
    : m_bytes{static_cast<char*>(::operator new (size, std::align_val_t{block_bytes}))}, m_size{
                                                                                             size}
{
}

void WriteBuffer::Free::operator()(char* bytes) const
{
    ::operator delete (bytes, std::align_val_t{block_bytes});
}

PartFile::PartFile(const fs::path& directory, WriteBuffer& buffer) : m_buffer{buffer}
{
    m_fd = create(directory, m_name, m_is_direct);
    if (!m_fd) {
        fail(errno);
        m_name.clear();
    }
}

PartFile::~PartFile()
{
    if (!m_name.empty()) {
        ::unlink(m_name.c_str());
    }
}

void PartFile::fail(int error_number) noexcept
{
    if (m_error == 0) {
        m_error = error_number;
    }
}

void PartFile::write_out(const char* bytes, std::size_t count) noexcept
{
    while (count > 0 && m_error == 0) {
        const auto written = ::write(m_fd.get(), bytes, count);
        if (written >= 0) {
            bytes += written;
            count -= static_cast<std::size_t>(written);
        } else if (errno == EINVAL && m_is_direct) {
            stop_direct(); // larger blocks than ours: like any other writer, then
        } else if (errno != EINTR) {
            fail(errno);
        }
    }
}

void PartFile::stop_direct() noexcept
{
    m_is_direct = false;
    const int flags = ::fcntl(m_fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(m_fd.get(), F_SETFL, flags & ~O_DIRECT) != 0) {
        fail(errno);
    }
}

void PartFile::append(const void* bytes, std::size_t count) noexcept
{
    const auto* next = static_cast<const char*>(bytes);
    m_bytes += count;
    while (count > 0) {
        if (m_filled == m_buffer.size()) {
            write_out(m_buffer.data(), m_filled);
            m_filled = 0;
        }
        const auto fits = std::min(count, m_buffer.size() - m_filled);
        std::memcpy(m_buffer.data() + m_filled, next, fits);
        m_filled += fits;
        next += fits;
        count -= fits;
    }
}

std::optional<std::span<const std::byte>> PartFile::held() const
{
    if (m_error != 0 || m_filled != m_bytes) {
        return std::nullopt;
    }
    return std::as_bytes(std::span{m_buffer.data(), m_filled});
}

void PartFile::flush() noexcept
{
    const auto whole_blocks =
        m_is_direct ? m_filled - m_filled % WriteBuffer::block_bytes : m_filled;
    write_out(m_buffer.data(), whole_blocks);
    if (m_is_direct) {
        stop_direct();
        write_out(m_buffer.data() + whole_blocks, m_filled - whole_blocks);
    }
    m_filled = 0;
}

void PartFile::sync() noexcept
{
    flush();
    // A failed sync is final: the kernel drops the dirty pages, and a second try would lie.
    if (m_error == 0 && ::fdatasync(m_fd.get()) != 0) {
        fail(errno);
    }
}

std::size_t sweep_parts(const fs::path& directory, std::chrono::seconds age)
{
    std::size_t removed = 0;
    const auto limit = fs::file_time_type::clock::now() - age;
    for (const auto& entry : fs::directory_iterator{directory}) {
        std::error_code problem;
        const auto changed = entry.last_write_time(problem);
        if (!problem && entry.path().extension() == ".part" && changed < limit
            && fs::remove(entry.path(), problem)) {
            ++removed;
        }
    }
    return removed;
}

} // namespace fiona::pacs
