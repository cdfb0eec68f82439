// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/form_data.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fiona::redcapd {

/// REDCap's API without the HTTP around it: parameters in, answer out.
///
/// May be called from several threads. Reads run side by side, each on one state of the database;
/// imports and deletes run one after the other, each in one transaction: when handle() returns
/// status 200 the change is on the disk, with any other status nothing was changed.
class Api {
public:
    using Now = std::function<TimePoint()>;

    /// Opens the database and prepares its tables. Throws Error{Fault::missing} if there is none.
    explicit Api(std::filesystem::path database, Now now = Clock::now);

    struct Handled {
        Answer answer;
        std::string content;  ///< the method, for the access log; "unknown" for a stranger's word
        std::string project;  ///< "" if the token was refused
        bool changed = false; ///< a transaction with changes was committed
    };
    [[nodiscard]] Handled handle(const FormData& form);

private:
    /// A connection for one call; it goes back into the pool unless the call failed.
    [[nodiscard]] std::unique_ptr<Database> take();
    void give_back(std::unique_ptr<Database> database);
    void run_method(const FormData& form, Format error_format, Handled& handled);
    /// content=project with `data` and a super token.
    void make_project(const FormData& form, Database& database, const std::string& account,
                      TimePoint now, Handled& handled);

    std::filesystem::path m_file;
    Now m_now;
    std::mutex m_pool_mutex;
    std::vector<std::unique_ptr<Database>> m_pool;
    std::mutex m_writer; ///< fair enough among our own threads; SQLite's busy wait is not
};

} // namespace fiona::redcapd
