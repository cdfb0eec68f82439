// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The other side of storage commitment (PS3.4 annex J), made of DCMTK.
namespace commitment {

struct Object {
    std::string sop_class;
    std::string sop_instance;
};

/// An N-EVENT-REPORT that was received and confirmed.
struct Report {
    unsigned event_type = 0; ///< 1: all is safe, 2: something is not
    std::string transaction;
    std::set<std::string> committed; ///< SOP instance UIDs
    std::set<std::string> failed;
    std::uint16_t first_reason = 0; ///< FailureReason of the first that failed
};

/// An association with role user. Throws std::runtime_error if it is refused.
class Requester {
public:
    Requester(std::uint16_t port, const std::string& own_title);
    Requester(const Requester&) = delete;
    Requester& operator=(const Requester&) = delete;
    ~Requester(); ///< releases

    /// The status of the answer to the N-ACTION.
    std::uint16_t request(const std::string& transaction, const std::vector<Object>& objects);
    /// The report on this association.
    std::optional<Report> report(std::chrono::seconds patience);

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

/// Waits on a port of its own for reports on associations of the provider.
class Listener {
public:
    Listener(); ///< on any free port
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    [[nodiscard]] std::uint16_t port() const;
    /// Takes one association and its report.
    std::optional<Report> report(std::chrono::seconds patience);

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

} // namespace commitment
