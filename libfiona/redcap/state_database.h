// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/sqlite.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace fiona::redcap {

/// A SQLite file below `<state>`, mode 0600. One that is damaged, none of ours, or of another version
/// is set aside as `.bad` and begun anew, with one line in the log: what it held must be found again
/// elsewhere, or be no more than a help.
class StateDatabase {
public:
    struct Format {
        std::int64_t application_id; ///< in the file's header
        std::int64_t version;
        const char* schema; ///< CREATE statements
        Database::Durability durability;
    };
    StateDatabase(std::filesystem::path file, const Format& format);

    /// Runs `work`; on a damaged file begins anew and runs it once more, on nothing.
    void safely(const std::function<void(Database&)>& work);
    /// How often this object had to begin anew.
    [[nodiscard]] unsigned generation() const { return m_generation; }

private:
    void open();
    void begin_anew(const std::string& reason);

    std::filesystem::path m_file;
    Format m_format;
    std::unique_ptr<Database> m_database;
    unsigned m_generation = 0;
};

} // namespace fiona::redcap
