// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/unique_fd.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fiona::ingest {

/// Which file the processor reads at this moment, so that the next process knows what the last one died
/// of: a file that ends its reader must not do so for ever.
///
/// .spool/attempt  .spool/deaths.json
///      empty             -            nobody reads, or the last one ended well
///      X                 -            X is being read; or its reader died, and take_over() counts it
///      empty            X: n          n processes died of X
///
/// X is the name of a spool entry, or a path below the archive. One process at a time has the lock for
/// it. A kill that was meant for the process itself counts as well; therefore three, and therefore
/// suspects come last, alone.
class Attempts {
public:
    static constexpr unsigned most_deaths = 3;

    explicit Attempts(const Paths& paths);

    /// Counts the death of the process before us. To be called once, with the lock held.
    void take_over();
    /// Throws os_error(): what cannot be noted is not begun.
    void begin(std::string_view what);
    void end();

    [[nodiscard]] bool is_suspect(const std::string& what) const { return m_deaths.contains(what); }
    [[nodiscard]] bool is_deadly(const std::string& what) const;
    /// Suspects that most_deaths processes died of.
    [[nodiscard]] std::vector<std::string> deadly() const;
    void forget(const std::string& what);

private:
    void write_deaths() const;

    std::filesystem::path m_directory;
    std::filesystem::path m_archive;
    UniqueFd m_current;
    std::map<std::string, unsigned> m_deaths;
};

} // namespace fiona::ingest
