// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"

#include <string>

namespace fiona::transfer {

/// `<processing>/logs/transfers-audit.jsonl`, mode 0640: one line of JSON per finished request, no
/// original identifiers. Lines of several workers do not mix. Each record has an `id`.
class AuditLog {
public:
    explicit AuditLog(const Paths& paths);

    /// Durable when it returns.
    void append(const json::Value& record) const;
    /// Reads the whole file: only for what a crash left behind.
    [[nodiscard]] bool has(const std::string& id) const;

private:
    std::filesystem::path m_file;
};

} // namespace fiona::transfer
