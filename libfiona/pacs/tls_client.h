// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <chrono>
#include <memory>
#include <string>

class DcmTransportConnection;

namespace fiona::pacs {

/// What an association that we ask for over TLS needs: BCP 195 as the receiver has it (PS3.15 §B.10), TLS
/// 1.2 and 1.3. There is no way to switch the verification of the other side off. Its connections
/// borrow it.
class TlsClient {
public:
    /// Throws Error{Fault::config}: a file is missing, unreadable or no PEM, the key is open to others
    /// or belongs to another certificate.
    TlsClient(const TlsClientConfig& config, const std::string& host,
              std::chrono::seconds patience);
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;
    ~TlsClient();

    /// DCMTK takes ownership; nullptr if OpenSSL is out of memory.
    [[nodiscard]] DcmTransportConnection* connection(int fd);
    /// Why TLS came to nothing, for people; empty if it did not.
    [[nodiscard]] const std::string& problem() const;

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

} // namespace fiona::pacs
