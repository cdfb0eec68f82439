// SPDX-License-Identifier: MIT
#include "libfiona/base/sqlite.h"

#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace fiona {

namespace {

constexpr int busy_timeout_ms = 5000;

Fault fault_of(int code)
{
    switch (code & 0xff) { // the primary code of an extended one
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Fault::temporary;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return Fault::io;
    case SQLITE_READONLY:
    case SQLITE_PERM: return Fault::permission;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Fault::data;
    default: return Fault::internal;
    }
}

// sqlite3_errmsg() may quote the statement; the fixed text of the code is enough.
void check(int code, std::string_view doing)
{
    if (code != SQLITE_OK) {
        throw Error{fault_of(code), "database: {}: {}", doing, sqlite3_errstr(code)};
    }
}

/// SQLite would make it with the umask's mode; -wal and -shm take their mode from it. A file that is
/// there is not opened here: closing it would drop the POSIX locks of every other connection that
/// this process has to it.
void make_private(const std::filesystem::path& file, Database::Open open)
{
    struct stat status {};
    if (::lstat(file.c_str(), &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            throw Error{Fault::config, "{} is no regular file", file.native()};
        }
        if ((status.st_mode & 0777U) != 0600 && ::chmod(file.c_str(), 0600) != 0) {
            throw os_error(errno, fmt::format("make {} private", file.native()));
        }
        return;
    }
    if (errno != ENOENT || open == Database::Open::existing) {
        throw os_error(errno, fmt::format("open database {}", file.native()));
    }
    const UniqueFd made{::open(file.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600)};
    if (!made && errno != EEXIST) { // another process was quicker
        throw os_error(errno, fmt::format("make database {}", file.native()));
    }
}

} // namespace

void DatabaseCloser::operator()(sqlite3* handle) const noexcept
{
    sqlite3_close_v2(handle);
}

void StatementCloser::operator()(sqlite3_stmt* handle) const noexcept
{
    sqlite3_finalize(handle);
}

Database::Database(const std::filesystem::path& file, Open open, Durability durability)
{
    make_private(file, open);
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    m_handle.reset(handle); // also after a failure there is something to close
    check(code, fmt::format("open {}", file.native()));
    check(sqlite3_busy_timeout(handle, busy_timeout_ms), "set busy timeout");
    begin_log();
    execute(fmt::format("PRAGMA synchronous={}; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; "
                        "PRAGMA secure_delete=ON",
                        durability == Durability::power_loss ? "FULL" : "NORMAL"));
}

/// Of a file that is new, SQLite asks no busy handler here: another process may be making it too.
void Database::begin_log()
{
    constexpr std::chrono::milliseconds pause{5};
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds{busy_timeout_ms};
    for (;;) {
        try {
            execute("PRAGMA journal_mode=WAL");
            return;
        } catch (const Error& e) {
            if (e.fault() != Fault::temporary || std::chrono::steady_clock::now() > deadline) {
                throw;
            }
        }
        std::this_thread::sleep_for(pause);
    }
}

void Database::execute(const std::string& statements)
{
    check(sqlite3_exec(m_handle.get(), statements.c_str(), nullptr, nullptr, nullptr),
          "run statements");
}

std::int64_t Database::last_row_id() const
{
    return sqlite3_last_insert_rowid(m_handle.get());
}

std::int64_t Database::changed_rows() const
{
    return sqlite3_changes64(m_handle.get());
}

void Database::copy_to(const std::filesystem::path& file)
{
    run(*this, "VACUUM INTO ?", std::string_view{file.native()});
}

StatementHandle Database::take(std::string_view statement)
{
    if (const auto idle = m_idle.find(statement); idle != m_idle.end()) {
        auto handle = std::move(idle->second);
        m_idle.erase(idle);
        return handle;
    }
    sqlite3_stmt* handle = nullptr;
    check(sqlite3_prepare_v2(m_handle.get(), statement.data(), static_cast<int>(statement.size()),
                             &handle, nullptr),
          "prepare a statement");
    return StatementHandle{handle};
}

void Database::give_back(std::string_view statement, StatementHandle handle)
{
    m_idle.emplace(std::string{statement}, std::move(handle));
}

Query::~Query()
{
    sqlite3_reset(m_handle.get());
    sqlite3_clear_bindings(m_handle.get());
    try {
        m_database.give_back(m_statement, std::move(m_handle));
    } catch (const std::bad_alloc&) { // then it is prepared again next time
        m_handle.reset();
    }
}

bool Query::next()
{
    const int code = sqlite3_step(m_handle.get());
    if (code == SQLITE_ROW) {
        return true;
    }
    check(code == SQLITE_DONE ? SQLITE_OK : code, "run a statement");
    return false;
}

std::string Query::text(int column) const
{
    // The order matters: sqlite3_column_bytes() speaks of the form the previous call made.
    const auto* const bytes = sqlite3_column_blob(m_handle.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(m_handle.get(), column));
    return bytes == nullptr ? std::string{} : std::string{static_cast<const char*>(bytes), size};
}

std::int64_t Query::integer(int column) const
{
    return sqlite3_column_int64(m_handle.get(), column);
}

void Query::bind(int index, std::string_view value)
{
    // A null pointer would bind NULL instead of the empty text.
    const auto* const bytes = value.data() == nullptr ? "" : value.data();
    check(
        sqlite3_bind_text64(
            m_handle.get(), index, bytes, value.size(),
            SQLITE_TRANSIENT, // NOLINT(cppcoreguidelines-pro-type-cstyle-cast,performance-no-int-to-ptr) SQLite's own constant
            SQLITE_UTF8),
        "bind a text");
}

void Query::bind(int index, Blob value)
{
    const auto* const bytes = value.bytes.data() == nullptr ? "" : value.bytes.data();
    check(
        sqlite3_bind_blob64(
            m_handle.get(), index, bytes, value.bytes.size(),
            SQLITE_TRANSIENT), // NOLINT(cppcoreguidelines-pro-type-cstyle-cast,performance-no-int-to-ptr) SQLite's own constant
        "bind bytes");
}

void Query::bind_integer(int index, std::int64_t value)
{
    check(sqlite3_bind_int64(m_handle.get(), index, value), "bind a number");
}

Transaction::Transaction(Database& database, Kind kind) : m_database{database}
{
    m_database.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction()
{
    if (m_open) {
        try {
            m_database.execute("ROLLBACK");
        } catch (const Error&) { // a full disk may have rolled back by itself
            m_open = false;
        }
    }
}

void Transaction::commit()
{
    m_database.execute("COMMIT");
    m_open = false;
}

} // namespace fiona
