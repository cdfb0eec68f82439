// SPDX-License-Identifier: MIT
#include "libfiona/export/zip_output.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace fiona::exports::zip {

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20U;
constexpr std::uint64_t flush_bytes = std::uint64_t{32} << 20U;

/// Between open and flock another writer may have given the file its final name.
bool is_still_at(const std::filesystem::path& path, int fd)
{
    struct stat mine {};
    struct stat there {};
    return ::fstat(fd, &mine) == 0 && ::lstat(path.c_str(), &there) == 0
           && mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

} // namespace

Output::Output(std::filesystem::path target)
    : m_target{std::move(target)}, m_part{m_target.native() + ".part"},
      m_fd{::open(m_part.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640)}
{
    // Never the file name: it is made of what people and peers have said.
    if (!m_fd) {
        throw os_error(errno, "make a package");
    }
    if (::flock(m_fd.get(), LOCK_EX | LOCK_NB) != 0 || !is_still_at(m_part, m_fd.get())) {
        throw Error{Fault::temporary, "another process writes this package"};
    }
    if (::ftruncate(m_fd.get(), 0) != 0) {
        throw os_error(errno, "make a package");
    }
    m_counter = std::jthread{[this] { count_md5(); }};
}

Output::~Output()
{
    {
        const std::lock_guard lock{m_mutex};
        m_is_over = true;
        m_settled = 0; // nobody wants the rest
    }
    m_change.notify_all();
    if (!m_part.empty()) {
        ::unlink(m_part.c_str());
    }
}

std::filesystem::path Output::md5_file(const std::filesystem::path& target)
{
    auto file = target;
    return file.replace_extension(".md5");
}

void Output::append(std::initializer_list<std::string_view> pieces)
{
    std::vector<iovec> rest;
    for (const auto piece : pieces) {
        if (!piece.empty()) {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast) writev(2) only reads
            rest.push_back({const_cast<char*>(piece.data()), piece.size()});
        }
    }
    std::span<iovec> left{rest};
    while (!left.empty()) {
        const auto written = ::writev(m_fd.get(), left.data(), static_cast<int>(left.size()));
        if (written < 0 && errno != EINTR) {
            throw os_error(errno, "write a package");
        }
        auto done = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
        m_size += done;
        for (; !left.empty() && done >= left.front().iov_len; left = left.subspan(1)) {
            done -= left.front().iov_len;
        }
        if (done > 0) {
            left.front().iov_base = static_cast<char*>(left.front().iov_base) + done;
            left.front().iov_len -= done;
        }
    }
    if (m_size - m_flushed >= flush_bytes) { // the disk works while we do, and memory stays clean
        static_cast<void>(::sync_file_range(m_fd.get(), static_cast<off64_t>(m_flushed),
                                            static_cast<off64_t>(m_size - m_flushed),
                                            SYNC_FILE_RANGE_WRITE));
        m_flushed = m_size;
    }
}

void Output::patch(std::uint64_t offset, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto written =
            ::pwrite(m_fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno != EINTR) {
            throw os_error(errno, "write a package");
        }
        const auto done = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
        offset += done;
        bytes.remove_prefix(done);
    }
}

void Output::settle()
{
    {
        const std::lock_guard lock{m_mutex};
        if (m_size - m_settled < block_bytes) {
            return; // a small step is taken with the next one
        }
        m_settled = m_size;
    }
    m_change.notify_all();
}

void Output::count_md5()
{
    try {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                              &EVP_MD_CTX_free};
        if (EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) {
            throw Error{Fault::internal, "OpenSSL has no MD5"};
        }
        std::vector<std::byte> block(block_bytes);
        std::uint64_t done = 0;
        for (;;) {
            std::unique_lock lock{m_mutex};
            m_change.wait(lock, [&] { return m_settled > done || m_is_over; });
            const auto until = m_settled;
            lock.unlock();
            if (until <= done) {
                break;
            }
            while (done < until) {
                const auto count = std::min<std::uint64_t>(block.size(), until - done);
                const auto got = ::pread(m_fd.get(), block.data(), count, static_cast<off_t>(done));
                if (got == 0 || (got < 0 && errno != EINTR)) {
                    throw os_error(got == 0 ? EIO : errno, "read a package back");
                }
                const auto read = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
                EVP_DigestUpdate(context.get(), block.data(), read);
                done += read;
            }
        }
        std::array<std::byte, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        // NOLINTNEXTLINE(*-reinterpret-cast) C interface
        EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
        m_md5 = to_hex(std::span{digest}.first(size));
    } catch (...) { // carried to finish_md5(): nothing may leave a thread
        m_problem = std::current_exception();
    }
}

std::string Output::finish_md5()
{
    {
        const std::lock_guard lock{m_mutex};
        m_settled = m_size;
        m_is_over = true;
    }
    m_change.notify_all();
    m_counter.join();
    if (m_problem) {
        std::rethrow_exception(m_problem);
    }
    return m_md5;
}

/// Its part has one name, for we are alone here: a crash leaves no more than one.
void Output::write_md5(const std::string& md5) const
{
    const auto file = md5_file(m_target);
    const auto part = file.native() + ".part";
    const UniqueFd fd{
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640)};
    if (!fd) {
        throw os_error(errno, "make the MD5 of a package");
    }
    write_all(fd.get(), fmt::format("{} *{}\n", md5, m_target.filename().native()),
              "the MD5 of a package");
    if (::fdatasync(fd.get()) != 0 || ::rename(part.c_str(), file.c_str()) != 0) {
        throw os_error(errno, "write the MD5 of a package");
    }
}

std::string Output::commit()
{
    if (::fdatasync(m_fd.get()) != 0) {
        throw os_error(errno, "sync a package");
    }
    auto md5 = finish_md5();
    write_md5(md5);
    if (::rename(m_part.c_str(), m_target.c_str()) != 0) {
        throw os_error(errno, "give a package its name");
    }
    m_part.clear();
    sync_directory(m_target.parent_path());
    return md5;
}

} // namespace fiona::exports::zip
