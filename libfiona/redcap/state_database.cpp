// SPDX-License-Identifier: MIT
#include "libfiona/redcap/state_database.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"

#include <utility>

namespace fiona::redcap {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds patience{30};

std::int64_t number_of(Database& database, std::string_view statement)
{
    Query query{database, statement};
    return query.next() ? query.integer(0) : 0;
}

bool is_empty(Database& database)
{
    return number_of(database, "SELECT count(*) FROM sqlite_master") == 0;
}

} // namespace

StateDatabase::StateDatabase(fs::path file, const Format& format)
    : m_file{std::move(file)}, m_format{format}
{
    make_directories(m_file.parent_path());
    try {
        open();
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        begin_anew(e.what());
    }
}

/// Throws Error{Fault::data} for a file of somebody else, or of another version.
void StateDatabase::open()
{
    m_database = std::make_unique<Database>(m_file, Database::Open::create, m_format.durability);
    auto& database = *m_database;
    if (is_empty(database)) {
        Transaction transaction{database, Transaction::Kind::write};
        if (is_empty(database)) { // nobody was quicker
            database.execute(m_format.schema);
            database.execute(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}",
                                         m_format.application_id, m_format.version));
        }
        transaction.commit();
    } else if (number_of(database, "PRAGMA application_id") != m_format.application_id
               || number_of(database, "PRAGMA user_version") != m_format.version) {
        throw Error{Fault::data, "not a file of this version"};
    }
}

void StateDatabase::begin_anew(const std::string& reason)
{
    // Of several processes that find it damaged one sets it aside; the others take its new one.
    const FileLock lock{m_file.native() + ".lock", patience};
    ++m_generation;
    try {
        m_database.reset();
        open();
        Query check{*m_database, "PRAGMA quick_check(1)"};
        if (check.next() && check.text(0) == "ok") {
            return; // somebody else did it
        }
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
    }
    m_database.reset();
    fs::rename(m_file, m_file.native() + ".bad");
    for (const auto* const companion : {"-wal", "-shm"}) {
        fs::remove(m_file.native() + companion);
    }
    log::warn("state_begun_anew", {{"file", m_file.filename().native()}, {"reason", reason}});
    open();
}

void StateDatabase::safely(const std::function<void(Database&)>& work)
{
    try {
        work(*m_database);
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        begin_anew(e.what());
        work(*m_database);
    }
}

} // namespace fiona::redcap
