// SPDX-License-Identifier: MIT
#include "libfiona/sftp/connection.h"

#include "libfiona/base/curl.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

#include <curl/curl.h>
#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace fiona::sftp {

using std::chrono::steady_clock;

namespace {

/// Below so many bytes a second for so long nobody is there any more.
constexpr long least_speed = 1000;
constexpr long longest_quiet = 60;

/// Each part of the path as it may stand in a URL, from the login directory.
std::string url_of(const SftpConfig& config, const std::string& path)
{
    std::string url = fmt::format("sftp://{}:{}/~", config.host, config.port);
    for (const auto part : split(path, '/')) {
        url += '/';
        for (const char c : part) {
            const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                                  || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
            url +=
                is_plain ? std::string{c} : fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return url;
}

/// A path as libcurl's commands take it: in quotes, with the escapes it knows.
std::string quoted(const std::string& path)
{
    std::string text{'"'};
    for (const char c : path) {
        if (c == '"' || c == '\\') {
            text += '\\';
        }
        text += c;
    }
    return text + '"';
}

struct Sink {
    std::function<void(std::string_view)> take;
    std::optional<Error> problem; ///< no exception may pass through libcurl
};

std::size_t take_bytes(char* data, std::size_t size, std::size_t count, void* target)
{
    auto& sink = *static_cast<Sink*>(target);
    try {
        sink.take({data, size * count});
        return size * count;
    } catch (const Error& e) {
        sink.problem = e;
        return CURL_WRITEFUNC_ERROR;
    }
}

struct Source {
    int fd = -1;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    int problem = 0; ///< errno
};

/// What grows while it is sent is cut off at the size it had.
std::size_t give_bytes(char* buffer, std::size_t size, std::size_t count, void* from)
{
    auto& source = *static_cast<Source*>(from);
    const auto wanted = std::min<std::uint64_t>(size * count, source.bytes - source.offset);
    ssize_t got = 0;
    do {
        got = ::pread(source.fd, buffer, wanted, static_cast<off_t>(source.offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0 || (got == 0 && wanted > 0)) {
        source.problem = got < 0 ? errno : EIO; // it shrank
        return CURL_READFUNC_ABORT;
    }
    source.offset += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
}

int seek_bytes(void* in, curl_off_t offset, int origin)
{
    auto& source = *static_cast<Source*>(in);
    if (origin != SEEK_SET || offset < 0 || static_cast<std::uint64_t>(offset) > source.bytes) {
        return CURL_SEEKFUNC_FAIL;
    }
    source.offset = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
}

Error complaint(CURLcode code, std::string_view doing)
{
    const auto* const words = ::curl_easy_strerror(code);
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return Error{
            Fault::config,
            "the server's key is not the one in the file of known hosts, or is missing there: "
            "nothing was sent"};
    case CURLE_LOGIN_DENIED:
        return Error{Fault::permission,
                     "the server does not take our key (see SFTP.user, key_file)"};
    case CURLE_REMOTE_ACCESS_DENIED:
        return Error{Fault::permission, "the server does not allow to {}", doing};
    case CURLE_REMOTE_FILE_NOT_FOUND:
        return Error{Fault::missing, "the server has no such place to {}", doing};
    case CURLE_REMOTE_DISK_FULL: return Error{Fault::temporary, "the disk of the server is full"};
    case CURLE_QUOTE_ERROR: return Error{Fault::protocol, "the server refuses to {}", doing};
    case CURLE_SSH:
        return Error{
            Fault::temporary,
            "the server failed, or the connection broke, when it should {} (is its disk full?)",
            doing};
    default: return Error{Fault::unreachable, "cannot {}: {}", doing, words};
    }
}

} // namespace

struct Connection::Handle {
    explicit Handle(SftpConfig settings) : config{std::move(settings)} {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { ::curl_slist_free_all(commands); }

    void clear_commands()
    {
        ::curl_slist_free_all(std::exchange(commands, nullptr));
        curl.set(CURLOPT_QUOTE, static_cast<void*>(nullptr));
    }

    SftpConfig config;
    steady_clock::time_point deadline;
    CurlHandle curl;
    curl_slist* commands = nullptr;
};

Connection::Connection(const SftpConfig& config, steady_clock::time_point deadline)
{
    if (config.host.empty() || config.user.empty()) {
        throw Error{Fault::config, "SFTP needs a host and a user (DAICSERVER, SERVERUSER)"};
    }
    static_cast<void>(read_secret_file(config.key_file));
    // libcurl takes every server where that file is not set; where it is empty none, with a riddle.
    if (trimmed(read_file_if_any(config.known_hosts).value_or("")).empty()) {
        throw Error{
            Fault::config,
            "no known hosts at {}: put the server's line there (ed25519 or ecdsa first), after "
            "checking its fingerprint",
            config.known_hosts.native()};
    }
    m_handle = std::make_unique<Handle>(config);
    m_handle->deadline = deadline;
    const auto& curl = m_handle->curl;
    curl.set(CURLOPT_PROTOCOLS_STR, "sftp");
    curl.set(CURLOPT_PROXY, "");
    curl.set(CURLOPT_NOSIGNAL, 1L);
    curl.set(CURLOPT_USERNAME, config.user);
    curl.set(CURLOPT_SSH_AUTH_TYPES, static_cast<long>(CURLSSH_AUTH_PUBLICKEY));
    curl.set(CURLOPT_SSH_PRIVATE_KEYFILE, config.key_file.native());
    curl.set(CURLOPT_SSH_KNOWNHOSTS, config.known_hosts.native());
    curl.set(CURLOPT_CONNECTTIMEOUT_MS, std::chrono::milliseconds{config.connect_timeout}.count());
    curl.set(CURLOPT_LOW_SPEED_LIMIT,
             config.bytes_per_second == 0
                 ? least_speed
                 : std::min(least_speed, static_cast<long>(config.bytes_per_second / 2 + 1)));
    curl.set(CURLOPT_LOW_SPEED_TIME, longest_quiet);
    curl.set(CURLOPT_MAX_SEND_SPEED_LARGE, static_cast<long>(config.bytes_per_second));
    curl.set(CURLOPT_WRITEFUNCTION, &take_bytes);
    curl.set(CURLOPT_READFUNCTION, &give_bytes);
    // Without it a resumed upload would begin at the start of ours behind the end of theirs.
    curl.set(CURLOPT_SEEKFUNCTION, &seek_bytes);
}

Connection::~Connection() = default;

void Connection::perform(const std::string& path, std::string_view doing)
{
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(m_handle->deadline
                                                                            - steady_clock::now());
    if (left.count() <= 0) {
        throw Error{Fault::temporary, "the time of this run is over"};
    }
    const auto& curl = m_handle->curl;
    // A little later than the deadline, so that whoever looks at the clock then agrees that it is over.
    constexpr std::chrono::milliseconds margin{50};
    curl.set(CURLOPT_TIMEOUT_MS, (left + margin).count());
    curl.set(CURLOPT_URL, url_of(m_handle->config, path));
    const auto code = ::curl_easy_perform(curl.get());
    m_handle->clear_commands();
    if (code == CURLE_OPERATION_TIMEDOUT && steady_clock::now() >= m_handle->deadline) {
        throw Error{Fault::temporary, "the time of this run is over"};
    }
    if (code != CURLE_OK) {
        throw complaint(code, doing);
    }
}

std::optional<std::uint64_t> Connection::size(const std::string& path)
{
    const auto& curl = m_handle->curl;
    curl.set(CURLOPT_UPLOAD, 0L);
    curl.set(CURLOPT_NOBODY, 1L);
    curl.set(CURLOPT_FILETIME, 1L);
    try {
        perform(path, "look at a file");
    } catch (const Error& e) {
        if (e.fault() == Fault::missing) {
            return std::nullopt;
        }
        throw;
    }
    curl_off_t bytes = -1;
    ::curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
    if (bytes < 0) {
        throw Error{Fault::protocol, "the server does not say how large a file is"};
    }
    return static_cast<std::uint64_t>(bytes);
}

bool Connection::read(const std::string& path, const std::function<void(std::string_view)>& take)
{
    const auto& curl = m_handle->curl;
    Sink sink{take, std::nullopt};
    curl.set(CURLOPT_HTTPGET, 1L); // neither an upload nor without a body
    curl.set(CURLOPT_RESUME_FROM_LARGE, 0L);
    curl.set(CURLOPT_WRITEDATA, static_cast<void*>(&sink));
    try {
        perform(path, "read a file");
    } catch (const Error& e) {
        if (sink.problem) {
            throw Error{*sink.problem};
        }
        if (e.fault() == Fault::missing) {
            return false;
        }
        throw;
    }
    return true;
}

std::optional<std::string> Connection::read(const std::string& path, std::size_t max_bytes)
{
    std::string text;
    const bool is_there = read(path, [&](std::string_view bytes) {
        if (bytes.size() > max_bytes - text.size()) {
            throw Error{Fault::protocol, "the server's file has more than {} bytes", max_bytes};
        }
        text += bytes;
    });
    return is_there ? std::optional{std::move(text)} : std::nullopt;
}

void Connection::write(const std::string& path, const Upload& upload)
{
    const auto& curl = m_handle->curl;
    Source source{upload.fd, upload.offset, upload.bytes};
    curl.set(CURLOPT_NOBODY, 0L);
    curl.set(CURLOPT_UPLOAD, 1L);
    curl.set(CURLOPT_READDATA, static_cast<void*>(&source));
    curl.set(CURLOPT_SEEKDATA, static_cast<void*>(&source));
    curl.set(CURLOPT_INFILESIZE_LARGE, static_cast<long>(upload.bytes));
    curl.set(CURLOPT_RESUME_FROM_LARGE, static_cast<long>(upload.offset));
    if (upload.offset == 0 || upload.offset < upload.bytes) {
        try {
            perform(path, "write a file");
        } catch (const Error&) {
            if (source.problem != 0) {
                throw os_error(source.problem, "read the file that is being sent");
            }
            throw;
        }
    }
    curl.set(CURLOPT_RESUME_FROM_LARGE, 0L);
    const auto time =
        fmt::format("{:%Y%m%d %H:%M:%S} GMT", fmt::gmtime(Clock::to_time_t(upload.modified)));
    m_handle->commands = ::curl_slist_append(
        nullptr, fmt::format("mtime {} {}", quoted(time), quoted(path)).c_str());
    run_commands();
}

void Connection::rename(const std::string& from, const std::string& to)
{
    // A server refuses to rename onto a name that is taken; the star: it may as well be free.
    auto* const removal = ::curl_slist_append(nullptr, ("*rm " + quoted(to)).c_str());
    m_handle->commands =
        ::curl_slist_append(removal, fmt::format("rename {} {}", quoted(from), quoted(to)).c_str());
    run_commands();
}

void Connection::run_commands()
{
    const auto& curl = m_handle->curl;
    curl.set(CURLOPT_UPLOAD, 0L);
    curl.set(CURLOPT_NOBODY, 1L);
    curl.set(CURLOPT_QUOTE, static_cast<void*>(m_handle->commands));
    perform("", "rename a file"); // nothing is transferred
}

void Connection::check(const std::string& directory)
{
    // Only whoever lists a directory learns whether there is one.
    if (!read(directory.ends_with('/') ? directory : directory + "/", [](std::string_view) {})) {
        throw Error{Fault::missing, "the server has no directory {}", directory};
    }
}

} // namespace fiona::sftp
