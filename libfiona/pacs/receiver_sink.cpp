// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_sink.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcostrma.h>
#include <dcmtk/dcmnet/dimse.h>

namespace fiona::pacs {

namespace {

using Take = std::function<void(const void* bytes, std::size_t count)>;

/// Never complains: DCMTK loses the association, or hangs, when a sink does.
class Consumer : public DcmConsumer {
public:
    explicit Consumer(const Take& take) : m_take{take} {}

    [[nodiscard]] OFBool good() const override { return OFTrue; }
    [[nodiscard]] OFCondition status() const override { return EC_Normal; }
    [[nodiscard]] OFBool isFlushed() const override { return OFTrue; }
    [[nodiscard]] offile_off_t avail() const override { return ASC_MAXIMUMPDUSIZE; }
    offile_off_t write(const void* bytes, offile_off_t count) override
    {
        m_take(bytes, static_cast<std::size_t>(count));
        return count;
    }
    void flush() override {}

private:
    const Take& m_take;
};

class Sink : public DcmOutputStream {
public:
    explicit Sink(Consumer& consumer) : DcmOutputStream{&consumer} {}
};

} // namespace

OFCondition receive_data_set(T_ASC_Association* association, std::uint8_t context, int patience,
                             const Take& take)
{
    Consumer consumer{take};
    Sink sink{consumer};
    T_ASC_PresentationContextID data_context = 0;
    auto result = DIMSE_receiveDataSetInFile(association, DIMSE_NONBLOCKING, patience,
                                             &data_context, &sink, nullptr, nullptr);
    if (result.good() && data_context != context) {
        result = DIMSE_BADDATA; // the context changed inside the message
    }
    return result;
}

} // namespace fiona::pacs
