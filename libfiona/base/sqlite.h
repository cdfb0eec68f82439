// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

/// SQLite with owners. Values are always bound, never pasted into the text of a statement.
/// Error{Fault::temporary}: another writer holds the file too long; Fault::io: the disk failed or
/// is full; Fault::data: the file is damaged or no database of ours. No text holds a bound value.
namespace fiona {

struct DatabaseCloser {
    void operator()(sqlite3* handle) const noexcept;
};
struct StatementCloser {
    void operator()(sqlite3_stmt* handle) const noexcept;
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, StatementCloser>;

/// One connection, for one thread at a time. Made with mode 0600: the file holds record data.
class Database {
public:
    enum class Open { existing, create };
    enum class Durability {
        power_loss, ///< what is committed survives a power loss
        crash       ///< a power loss may take the last transactions, never a part of one
    };
    /// Throws Error{Fault::missing} if `existing` is asked for and there is no file. A file that is
    /// there gets mode 0600 too; a symbolic link is refused.
    Database(const std::filesystem::path& file, Open open,
             Durability durability = Durability::power_loss);

    /// Several statements without parameters.
    void execute(const std::string& statements);
    [[nodiscard]] std::int64_t last_row_id() const;
    /// Rows changed by the last INSERT, UPDATE or DELETE.
    [[nodiscard]] std::int64_t changed_rows() const;
    /// All of it as one new file, consistent while others write. Throws Error{Fault::io}.
    void copy_to(const std::filesystem::path& file);

private:
    void begin_log();

    friend class Query;
    StatementHandle take(std::string_view statement);
    void give_back(std::string_view statement, StatementHandle handle);

    std::unique_ptr<sqlite3, DatabaseCloser> m_handle;
    std::multimap<std::string, StatementHandle, std::less<>> m_idle; ///< prepared, not in use
};

/// Binds as a BLOB instead of a text. Borrowed: lives as long as the call that binds it.
struct Blob {
    std::string_view bytes;
};

/// One running statement. Its text must outlive it (a literal).
class Query {
public:
    template <typename... Values>
    Query(Database& database, std::string_view statement, const Values&... values)
        : m_database{database}, m_statement{statement}, m_handle{database.take(statement)}
    {
        int index = 0;
        (bind(++index, values), ...);
    }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query();

    /// Steps to the next row; false after the last one.
    bool next();
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;

private:
    void bind(int index, std::string_view value);
    void bind(int index, Blob value);
    void bind_integer(int index, std::int64_t value);
    void bind(int index, std::integral auto value)
    {
        bind_integer(index, static_cast<std::int64_t>(value));
    }

    Database& m_database;
    std::string_view m_statement;
    StatementHandle m_handle;
};

/// Rolled back unless committed. `write` takes the write lock at once, so that what was read
/// inside still holds when it is written; `read` sees one state of the database throughout.
class Transaction {
public:
    enum class Kind { read, write };
    Transaction(Database& database, Kind kind);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    void commit();

private:
    Database& m_database;
    bool m_open = true;
};

/// Runs a statement to its end; returns the number of rows it changed.
template <typename... Values>
std::int64_t run(Database& database, std::string_view statement, const Values&... values)
{
    Query query{database, statement, values...};
    while (query.next()) {
    }
    return database.changed_rows();
}

} // namespace fiona
